"""Scheduling of requests to a language model: what to serve first, whom to preempt, what to keep during a tool call."""

from beforehand.scheduling.serving.ordering.rank_queue import RankQueue

__all__ = ["RankQueue"]
