"""A queue, a summary of a stream, and calls, spread over the processes and machines of a Ray cluster."""

from beforehand.integrations.ray.executor import RayExecutor
from beforehand.integrations.ray.sharded import ShardedSummary
from beforehand.integrations.ray.shared_queue import SharedQueue

__all__ = ["RayExecutor", "ShardedSummary", "SharedQueue"]
