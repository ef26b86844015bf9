"""A queue and a summary of a stream, spread over the processes and machines of a Ray cluster."""

from beforehand.integrations.ray.sharded import ShardedSummary
from beforehand.integrations.ray.shared_queue import SharedQueue

__all__ = ["ShardedSummary", "SharedQueue"]
