"""A sample of the range queries that a system sees, taken while it runs."""

from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.ranges.bounds import Bounds, encode_bounds
from beforehand.ranges.codes import LARGEST_CODE, SIGN, first_of
from beforehand.ranges.keys import KEY_KINDS, KeyType, as_array, type_of
from beforehand.ranges.queries import ranges_trace
from beforehand.ranges.strings import MOST_WIDTH, Strings
from beforehand.ranges.times import UNITS

UNSETTLED: Final = 0xFFFF  # what the native recorder calls the kind of keys before the first query


@final
class QueryRecorder:
    """Keep a sample of range queries that follows the workload, in fixed memory and at hardly any cost.

    The first `capacity` queries are all kept. From then on about every `every`-th takes the place of the oldest, with
    gaps that vary at random, so that no rhythm of the workload can hide from the sample.

    Args:
        capacity: How many queries are kept, from 1 to 2**32.
        every: Queries between two that are kept, on average, from 1 to 2**32.
        seed: Of the gaps, from 0 to 2**64 - 1.

    Guarantee:
        Nothing is lost before the ring is full, whatever the number of threads; after that it holds the latest that
        were kept. With one thread, the same queries and seed keep the same sample on every machine.

    Cost:
        In C++, some nanoseconds for a query that is not kept, and a mutex for one that is. From Python, pass arrays:
        one call for each query costs microseconds.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> recorder = QueryRecorder(capacity=3, every=1)
        >>> recorder.record([50, 10, 30, 70], [59, 19, 39, 79])
        >>> recorder.queries()
        (array([10, 30, 70]), array([19, 39, 79]))
        >>> recorder.seen
        4

    Reference:
        Knorr, Lemaire, Lim, Luo, Zhang, Idreos, Mitzenmacher: Proteus: A Self-Designing Range Filter. SIGMOD 2022,
        arXiv 2207.01503. Its queue takes every hundredth query.
    """

    def __init__(self, *, capacity: int = 20_000, every: int = 100, seed: int = 0) -> None:
        for name, value, least, most in (("capacity", capacity, 1, 2**32), ("every", every, 1, 2**32)):
            _whole(name, value, least, most)
        _whole("seed", seed, 0, 2**64 - 1)
        self.ring = _native.QueryRecorder(capacity, every, seed)

    def record(self, lo: Any, hi: Any) -> None:
        """Show it queries; both ends belong to the range.

        Args:
            lo, hi: Scalars or arrays of one kind of keys, which numpy broadcasts: integers, floats, datetime64,
                timedelta64, bytes or str. The first call settles the kind; integers that are to be uint64 come in
                an array of unsigned ones.

        Raises:
            InvalidInput: lo is above hi; a bound is of another kind, NaN or NaT, or beyond the 64 bits of its kind.
        """
        key_type = self.key_type
        if key_type is None:
            array = as_array(lo, "lo")
            if array.size == 0:
                return
            key_type = type_of(array, "lo")
        bounds = encode_bounds(key_type, 8 * MOST_WIDTH, lo, hi)
        if bounds.empty.any():
            raise InvalidInput(
                f"{first_of('lo', bounds.empty)} to hi is a range without any {key_type}, which this recorder settled "
                "on; use one recorder for each kind of keys"
            )
        self.settle(key_type)
        self._record(bounds)

    def queries(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Copies of the lower and the upper bounds that are kept, in the order of lo; bytes and str as objects."""
        key_type = self.key_type
        if key_type is None:
            return np.empty(0, object), np.empty(0, object)
        if key_type.textual:
            texts: Any = self.ring.strings()
            return _texts(texts[0], key_type), _texts(texts[1], key_type)
        codes: Any = self.ring.codes()
        return _values(codes[0], key_type), _values(codes[1], key_type)

    @property
    def key_type(self) -> KeyType | None:
        """What the bounds are; None before the first query."""
        kind = self.ring.kind
        if kind == UNSETTLED:
            return None
        return KeyType(KEY_KINDS[kind & 0xFF], UNITS[(kind >> 8) - 1] if kind >> 8 else None)

    @property
    def seen(self) -> int:
        """How many queries came by since the beginning, or since `clear`."""
        return self.ring.seen

    def trace(self) -> Trace:
        """The queries that are kept as a trace of kind `ranges`, for `plan`, and for a file.

        Raises:
            InvalidInput: None was seen yet.
        """
        lo, hi = self.queries()
        if not len(lo):
            raise InvalidInput("no query was seen yet, of which a trace would be; record some first")
        kind = {"bytes": "S", "str": "U"}.get("" if self.key_type is None else self.key_type.kind)
        return ranges_trace(lo, hi) if kind is None else ranges_trace(lo.astype(kind), hi.astype(kind))

    def clear(self) -> None:
        """Forget all queries, and begin anew; the kind of the keys stays."""
        self.ring.clear()

    def __repr__(self) -> str:
        """What came by."""
        return f"QueryRecorder({self.seen} queries seen)"

    def settle(self, key_type: KeyType) -> None:
        """Take queries of this kind of keys only, as the first query would otherwise decide.

        Raises:
            InvalidInput: It has settled on another one.
        """
        number = KEY_KINDS.index(key_type.kind) | (UNITS.index(key_type.unit) + 1 if key_type.unit else 0) << 8
        if not self.ring.settle(number):
            raise InvalidInput(f"keys are {key_type}, but this recorder has settled on {self.key_type}; take another")

    def _record(self, bounds: Bounds) -> None:
        if isinstance(bounds.lo, Strings) and isinstance(bounds.hi, Strings):
            self.ring.record_strings(bounds.lo.offsets, bounds.lo.data, bounds.hi.offsets, bounds.hi.data)
        else:
            self.ring.record(bounds.lo, bounds.hi)  # type: ignore[arg-type]


def _values(codes: NDArray[np.uint64], key_type: KeyType) -> NDArray[Any]:
    """The numbers, points in time or durations that have these codes."""
    match key_type.kind:
        case "uint64":
            return codes
        case "float64":
            return (codes ^ np.where(codes >> np.uint64(63), SIGN, LARGEST_CODE)).view(np.float64)
    numbers = (codes ^ SIGN).view(np.int64)
    return numbers if key_type.unit is None else numbers.view(f"{key_type.kind}[{key_type.unit}]")


def _texts(rows: list[bytes], key_type: KeyType) -> NDArray[Any]:
    found = np.empty(len(rows), object)
    found[:] = [row.decode(errors="ignore") for row in rows] if key_type.kind == "str" else rows
    return found


def _whole(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number from {least} to {most}")
