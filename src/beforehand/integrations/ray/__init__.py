"""A queue, a summary of a stream, columns of a dataset, and calls, spread over the processes and machines of Ray."""

from beforehand.integrations.ray.columns import column_histogram, decode_column, encode_column
from beforehand.integrations.ray.executor import RayExecutor
from beforehand.integrations.ray.sharded import ShardedSummary
from beforehand.integrations.ray.shared_queue import SharedQueue

__all__ = ["RayExecutor", "ShardedSummary", "SharedQueue", "column_histogram", "decode_column", "encode_column"]
