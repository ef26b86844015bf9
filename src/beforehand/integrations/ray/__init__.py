"""A summary of a stream spread over the processes and machines of a Ray cluster."""

from beforehand.integrations.ray.sharded import ShardedSummary

__all__ = ["ShardedSummary"]
