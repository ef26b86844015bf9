"""Scheduling of requests to a language model: what to serve first, whom to preempt, what to keep during a tool call."""

from beforehand.scheduling.serving.ordering.rank_queue import RankQueue
from beforehand.scheduling.serving.predictors.outlived import Outlived
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

__all__ = ["Outlived", "RankQueue", "ToolDurations"]
