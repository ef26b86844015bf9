"""Which exchange carries a codec, and how its encoders are opened on a rank."""

from collections.abc import Callable
from typing import Any

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Encoder, Layout, Table
from beforehand.gradients.codec import Codec, Reduction
from beforehand.gradients.integer_shards import NO_INTEGERS, IntegerCodec

AGGREGATOR = "aggregator://"
TRANSPORTS: dict[str, Reduction] = {"allreduce": "sum", "two_shot": "combine", "gather": "gather"}


def reduction_of(codec: Codec, transport: str) -> Reduction:
    """How gradients are reduced on this transport.

    Raises:
        InvalidInput: The codec cannot use it.
    """
    if transport == "auto":
        return codec.reductions[0]
    if transport.startswith(AGGREGATOR):
        if not isinstance(codec, IntegerCodec) or "combine" not in codec.reductions:
            raise InvalidInput(f"{codec.name} sends no codes of integers, {NO_INTEGERS}")
        return "combine"
    if transport not in TRANSPORTS:
        raise InvalidInput(
            f"transport is {transport!r}, but must be auto, aggregator://host:port, {', '.join(TRANSPORTS)}"
        )
    reduction = TRANSPORTS[transport]
    if reduction not in codec.reductions:
        can = [name for name, each in TRANSPORTS.items() if each in codec.reductions]
        raise InvalidInput(f"transport is {transport!r}, but {codec.name} takes {', '.join(['auto', *can])}")
    return reduction


def opener(
    codec: Codec, rank: int, workers: int, reduction: Reduction, tables: tuple[Table, ...] | None, threads: int
) -> Callable[[Layout, int, int], Encoder]:
    """Opens encoders by layout, bucket and step; with the tables of rank 0, where the codec has any."""

    def opened(layout: Layout, bucket: int, step: int) -> Encoder:
        given: dict[str, Any] = {"threads": threads}
        if tables is not None:
            given["tables"] = tables
        return codec.open(layout, rank=rank, workers=workers, reduction=reduction, bucket=bucket, step=step, **given)

    return opened
