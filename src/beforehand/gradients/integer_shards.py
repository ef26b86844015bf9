"""What codecs share whose messages are codes of integers, so that whoever adds them needs to know nothing else."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput, TimedOut
from beforehand.gradients.exchange import Combine, Floats, Shards
from beforehand.gradients.inputs import one_of, real, whole
from beforehand.gradients.thc_table import Table

OnMissing: TypeAlias = Literal["zero", "own", "raise"]
ExactSum: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]  # over all workers
UNIT = 512  # coordinates that codecs pack together


@runtime_checkable
class IntegerShards(Shards, Protocol):
    """Shards whose messages are packed codes of points, and whose sums are sums of points."""

    points: NDArray[np.uint16]  # of the codes, 2**bits of them

    def mean_of(self, sums: NDArray[Any], first: int, count: int) -> Floats:
        """What sums of `count` workers from coordinate `first` on stand for."""


@runtime_checkable
class IntegerCodec(Protocol):
    """A codec whose rounds combine integer shards."""

    def code_points(self, workers: int) -> tuple[tuple[int, ...], ...]:
        """The points that codes stand for, of each table among which rounds choose; none if it sends no codes."""


NO_INTEGERS = "but a switch or an aggregator adds nothing else; take THC with bits of 2, 3 or 4, or TernGrad"


def code_tables(codec: object, workers: int, tables: Sequence[Table] | None) -> list[NDArray[np.uint16]]:
    """What an aggregator must know of a codec, whose tables were solved elsewhere if they are given.

    Raises:
        InvalidInput: It sends no codes of integers.
        CapacityExceeded: The sums do not fit the codec's own lanes.
    """
    points = codec.code_points(workers) if isinstance(codec, IntegerCodec) else ()
    if not points:
        raise InvalidInput(f"{codec} sends no codes of integers, {NO_INTEGERS}")
    if tables is not None:
        points = tuple(table.values for table in tables)
    return [np.array(each, np.uint16) for each in points]


def integer_shards(exchange: Combine) -> IntegerShards:
    """The shards of an exchange that is to be answered by adding integers.

    Raises:
        InvalidInput: They are no integers.
    """
    if not isinstance(exchange.shards, IntegerShards):
        raise InvalidInput(f"{type(exchange.shards).__name__} are no sums of integers, {NO_INTEGERS}")
    return exchange.shards


def missed(shards: IntegerShards, first: int, last: int, on_missing: OnMissing, rank: int) -> Floats:
    """What a worker that came too late takes for the mean of the coordinates [first, last).

    Raises:
        TimedOut: `on_missing` is `"raise"`.
    """
    if on_missing == "raise":
        raise TimedOut(
            f"worker {rank} was too late for the coordinates {first} to {last - 1}, whose sum is gone; take a larger "
            'quorum, or on_missing="zero"'
        )
    if on_missing == "own":
        return shards.mean_of(shards.accumulate(None, shards.encode(first, last)), first, 1)
    return np.zeros(last - first, np.float32)


def check_service(*, workers: int, slots: int, chunk: int, lanes: int, quorum: float) -> None:
    """Raise unless whoever adds can be built so."""
    for name, number, least, most in (("workers", workers, 1, 65535), ("slots", slots, 1, 65536)):
        whole(name, number)
        if not least <= number <= most:
            raise InvalidInput(f"{name} is {number}, but must be from {least} to {most}")
    whole("chunk", chunk)
    if not UNIT <= chunk <= 2**16 or chunk % UNIT:
        raise InvalidInput(f"chunk is {chunk}, but must be a multiple of {UNIT} up to {2**16}")
    one_of("lanes", lanes, (8, 16))
    real("quorum", quorum)
    if not 0 < quorum <= 1:
        raise InvalidInput(f"quorum is {quorum}, but must be above 0 and at most 1")


def needed(quorum: float, workers: int) -> int:
    """How many workers complete a chunk."""
    return max(1, math.ceil(quorum * workers - 1e-9))  # 0.7 of 10 are 7
