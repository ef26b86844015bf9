"""Which exchange carries a codec, and how its encoders are opened on a rank."""

from collections.abc import Callable
from typing import Any, get_args

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Encoder, Layout, Table
from beforehand.gradients.codec import Codec, Reduction, Transport
from beforehand.gradients.codecs import REDUCTIONS, chosen_transport

AGGREGATOR = "aggregator://"  # before an address


def reduction_of(codec: Codec, transport: str) -> Reduction:
    """How gradients are reduced on a transport of `attach_ddp`.

    Raises:
        InvalidInput: There is no such transport, or it cannot carry the codec.
    """
    served = str(transport).startswith(AGGREGATOR)
    known: dict[str, Transport] = {each: each for each in get_args(Transport) if each != "aggregator"}
    if not served and transport not in known:
        raise InvalidInput(f"transport is {transport!r}, but must be one of {', '.join(known)}, {AGGREGATOR}host:port")
    return REDUCTIONS[chosen_transport(codec, "aggregator" if served else known[transport])]


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
