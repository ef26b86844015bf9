"""What all filters have in common: questions, bytes, sizes. A class adds how it is built and what it guarantees."""

from abc import ABC, abstractmethod
from typing import Any, Final, Self, overload

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.ranges.bounds import Bounds, Closed, encode_bounds, type_of_bounds
from beforehand.ranges.design import MOST_BITS_PER_KEY, budget_of
from beforehand.ranges.filter import Buffer
from beforehand.ranges.keys import KEY_KINDS, KeyCodes, KeyType
from beforehand.ranges.strings import Strings
from beforehand.ranges.times import UNITS

LEAST_BITS: Final = 512
_SHIFTS: Final = {"uint64": 0, "int64": 2**63}  # from an integer to its code


class NativeFilter(ABC):
    """A filter around a native one, one of the classes that native/bindings/range_filter.h defines."""

    __slots__ = ("_native", "_shift", "_type")
    _native: Any
    _shift: int | None
    _type: KeyType

    @classmethod
    def _of(cls, native: Any) -> Self:
        made = object.__new__(cls)
        made._native = native
        kind = KEY_KINDS[native.keys]
        made._type = KeyType(kind, UNITS[native.unit - 1] if native.unit else None)
        made._shift = _SHIFTS.get(kind)
        return made

    @classmethod
    @abstractmethod
    def _native_class(cls) -> Any:
        """The native class."""

    @property
    def count(self) -> int:
        """Distinct keys."""
        return self._native.count  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Memory that a query may touch, in bytes, header and directories included."""
        return self._native.nbytes  # type: ignore[no-any-return]

    @property
    def bits_per_key(self) -> float:
        """`8 * nbytes / count`; inf without keys."""
        return 8 * self.nbytes / self.count if self.count else float("inf")

    @property
    def key_type(self) -> KeyType:
        """What the keys are."""
        return self._type

    @property
    def seed(self) -> int:
        """The seed of all hashes."""
        return self._native.seed  # type: ignore[no-any-return]

    @property
    def expected_false_positive_rate(self) -> float | None:
        """The share of empty ranges like those of the sample that are answered with True; None without one."""
        rate = self._native.expected
        return None if np.isnan(rate) else rate

    @overload
    def may_intersect(self, lo: NDArray[Any], hi: Any, *, closed: Closed = "both") -> NDArray[np.bool_]: ...
    @overload
    def may_intersect(self, lo: Any, hi: NDArray[Any], *, closed: Closed = "both") -> NDArray[np.bool_]: ...
    @overload
    def may_intersect(self, lo: Any, hi: Any, *, closed: Closed = "both") -> Any: ...
    def may_intersect(self, lo: Any, hi: Any, *, closed: Closed = "both") -> Any:
        """Whether a key may lie between bounds.

        Args:
            lo, hi: Scalars or arrays of the keys' kind, broadcast as numpy does. Integers may be of any size, and may
                ask about float keys; datetimes and durations may be in any unit.
            closed: "both" for lo <= x <= hi, "left" for lo <= x < hi.

        Returns:
            A bool for two scalars, else an array of bool. Never False where a key lies in the range.

        Raises:
            InvalidInput: lo is above hi; a bound is of another kind, NaN or NaT; the shapes do not fit.
        """
        if self._shift is not None and type(lo) is int and type(hi) is int and closed == "both":
            first, last = lo + self._shift, hi + self._shift
            if 0 <= first <= last < 2**64:
                return self._native.meets(first, last)
        bounds = encode_bounds(self._type_of(lo, "lo"), 8 * self._native.width, lo, hi, closed=closed)
        return _shaped(self._intersections(bounds) if self.count else np.zeros(len(bounds), np.bool_), bounds)

    @overload
    def may_contain(self, keys: NDArray[Any] | list[Any]) -> NDArray[np.bool_]: ...
    @overload
    def may_contain(self, keys: Any) -> Any: ...
    def may_contain(self, keys: Any) -> Any:
        """Whether each of these may be a key.

        Args:
            keys: A scalar or an array of the keys' kind, as the bounds of `may_intersect`.

        Returns:
            A bool for a scalar, else an array of bool. Never False for a key.

        Raises:
            InvalidInput: One is of another kind, NaN or NaT.
        """
        if self._shift is not None and type(keys) is int and 0 <= keys + self._shift < 2**64:
            return self._contains(keys + self._shift)
        bounds = encode_bounds(self._type_of(keys, "keys"), 8 * self._native.width, keys, keys, names=("keys", "keys"))
        return _shaped(self._points(bounds) if self.count else np.zeros(len(bounds), np.bool_), bounds)

    def _type_of(self, lo: Any, name: str) -> KeyType:
        return type_of_bounds(self._type, self.count, lo, name)

    def _contains(self, code: int) -> bool:
        return self._native.meets(code, code)  # type: ignore[no-any-return]

    def _points(self, bounds: Bounds) -> NDArray[np.bool_]:
        return self._intersections(bounds)

    def _intersections(self, bounds: Bounds) -> NDArray[np.bool_]:
        lo, hi = bounds.lo, bounds.hi
        if isinstance(lo, Strings) and isinstance(hi, Strings):
            ends = (lo.offsets, lo.data, hi.offsets, hi.data)
            return self._native.may_intersect(*ends, bounds.before)  # type: ignore[no-any-return]
        return self._native.may_intersect(lo, hi)  # type: ignore[no-any-return]

    def bound(self, length: int) -> float:
        """What the false-positive rate of no empty range of at most `length` codes exceeds.

        Over the choice of the seed, wherever keys and ranges lie. Codes of floats are one ulp apart, those of
        datetimes one tick.

        Returns:
            A rate; 1.0 where nothing is guaranteed.

        Raises:
            InvalidInput: `length` is no whole number from 1 to 2**64 - 1.
        """
        if not isinstance(length, int | np.integer) or isinstance(length, bool) or not 1 <= length < 2**64:
            raise InvalidInput(f"length is {length!r}, but must be a whole number of codes from 1 to 2**64 - 1")
        return self._native.bound(int(length))  # type: ignore[no-any-return]

    def to_bytes(self) -> bytes:
        """Serialize; `from_bytes` and `load` read it."""
        return self._native.to_bytes()  # type: ignore[no-any-return]

    @classmethod
    def from_bytes(cls, data: Buffer, *, copy: bool = True) -> Self:
        """Read what `to_bytes` returned.

        Args:
            data: Bytes, or whatever offers its memory as such.
            copy: False keeps a reference to the buffer, which must not change while the filter is used.

        Raises:
            CorruptData: These are not exactly bytes that `to_bytes` of this class returned.
        """
        return cls._of(cls._native_class().from_bytes(as_octets(data), copy))

    def __eq__(self, other: object) -> bool:
        """Whether the bytes of both are the same."""
        if type(other) is not type(self):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        """Equal filters have the same."""
        return hash((self.count, self.seed, self.nbytes))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through bytes."""
        return type(self).from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        """Kind, keys, size and expected rate."""
        rate = self.expected_false_positive_rate
        expected = "" if rate is None else f", expected_false_positive_rate={rate:.3g}"
        return (
            f"{type(self).__name__}(count={self.count}, key_type='{self.key_type}', "
            f"bits_per_key={self.bits_per_key:.4g}{expected})"
        )


def as_octets(data: Any) -> NDArray[np.uint8]:
    """The memory of a buffer.

    Raises:
        InvalidInput: It offers none that is contiguous.
    """
    try:
        return np.frombuffer(memoryview(data).cast("B"), np.uint8)
    except (TypeError, ValueError, BufferError):
        raise InvalidInput(
            f"data is a {type(data).__name__}, but must be contiguous bytes, such as the result of to_bytes()"
        ) from None


def native_keys(codes: KeyCodes) -> tuple[Any, ...]:
    """What native builders take of keys: codes, or the offsets, data and width of strings."""
    if isinstance(codes.codes, Strings):
        return codes.codes.offsets, codes.codes.data, codes.width // 8
    return (codes.codes,)


def native_type(key_type: KeyType) -> tuple[int, int]:
    """A key type as the bytes number it: kind, and unit from 1, 0 for none."""
    return KEY_KINDS.index(key_type.kind), 0 if key_type.unit is None else UNITS.index(key_type.unit) + 1


def with_room(bits_per_key: float, count: int) -> float:
    """At least as many bits per key as fill `LEAST_BITS` in all, for parts that cannot be smaller.

    Raises:
        InvalidInput: `bits_per_key` is no number from 1 to 1024.
    """
    budget_of(count, bits_per_key)
    return max(bits_per_key, min(LEAST_BITS / max(1, count), MOST_BITS_PER_KEY))


def check_seed(seed: Any) -> int:
    """The seed.

    Raises:
        InvalidInput: It is no integer from 0 to 2**64 - 1.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed!r}, but must be an integer from 0 to 2**64 - 1")
    return int(seed)


def _shaped(found: NDArray[np.bool_], bounds: Bounds) -> Any:
    """Answers in the shape of what was asked, False for ranges that no value of the keys' type is in."""
    if bounds.empty.any():
        found[bounds.empty] = False
    return found.reshape(bounds.shape) if bounds.shape else bool(found[0])
