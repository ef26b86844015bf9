"""The weight of any key, never too low, in a fixed number of counters."""

from typing import Any, ClassVar, final

from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import KeyKind, Keys
from beforehand.streams.sizes import allocating
from beforehand.streams.sketch import Sketch, shape
from beforehand.streams.summary import check_common


@final
class CountMin(Sketch):
    """Estimate the weight of any key, never too low, without keeping a key.

    Each of `depth` rows adds the weight of a key to one of its `width` counters; the least of a key's counters is its
    estimate. For the heaviest keys of a stream take `SpaceSaving`, which is more exact in the same memory, bounds keys
    from below too, and names them.

    Args:
        width: Counters in a row. For an error above `e` times the total only with probability exp(-depth), take
            `math.ceil(math.e / e)`.
        depth: Rows, 1 to 64.
        memory: Bytes instead of `width`, or text such as "256KiB".
        conservative: Raise only counters that would fall below the new estimate: about half the error, but no `delete`.
        key: What keys are: "u64", "i64", "str", "bytes"; "auto" takes the kind of the first.
        seed: Of all hashes. Pass a random one if the keys come from an adversary; the hash is not cryptographic.

    Guarantee:
        `true weight <= upper` in `lower, upper = bounds(keys)`, for every key, and the estimate is `upper`; `lower` is
        0. For keys chosen without regard to the seed, `upper` exceeds the true weight by more than
        `guaranteed_error()`, e * total / width, with a probability of at most exp(-depth). All this holds after merges,
        and after deletions of what was added. A plain sketch merged from parts is that of the whole stream; a
        conservative one is not, and may be less exact.

    Cost:
        4 bytes a counter, 8 once the total passes 2**32 - 1. `update` takes O(depth) for each key and releases the GIL
        above 10,000 keys. Not locked: a second thread gets `InvalidInput`.

    Raises:
        InvalidInput: An argument breaks its rule.
        CapacityExceeded: There is not so much memory.

    Example:
        >>> sketch = CountMin(width=1000)
        >>> sketch.update(["a", "b", "a"])
        >>> sketch.estimate(["a", "b", "c"])
        array([2., 1., 0.])
        >>> sketch.heavy_hitters(0.5, keys=["a", "b", "c"]).keys
        ['a']

    Source:
        Cormode, Muthukrishnan: An Improved Data Stream Summary: the Count-Min Sketch and its Applications. J.
        Algorithms 55, 2005. Conservative update: Estan, Varghese: New Directions in Traffic Measurement and Accounting.
        SIGCOMM 2002.
    """

    __slots__ = ()
    _estimators: ClassVar[tuple[str, ...]] = ("count", "upper")

    def __init__(
        self,
        *,
        width: int | None = None,
        depth: int = 4,
        memory: int | str | None = None,
        conservative: bool = True,
        key: KeyKind = "auto",
        seed: int = 0,
    ) -> None:
        check_common(key, seed)
        if not isinstance(conservative, bool):
            raise InvalidInput(f"conservative is {conservative!r}, but must be True or False")
        width, depth = shape(width, depth, memory, cell=4)
        with allocating(4 * depth * width):
            self._native = _native.CountMin(depth, width, conservative, seed, key)

    @property
    def conservative(self) -> bool:
        """Whether only counters are raised that would fall below the new estimate."""
        return self._native.conservative  # type: ignore[no-any-return]

    def delete(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Take back what was counted before.

        Args:
            keys: As in `update`, without nulls.
            weights: As in `update`.

        Guarantee:
            Bounds hold as long as no key is deleted more often than it came.

        Raises:
            InvalidInput: The sketch is conservative; a key would surely fall below 0. Nothing was deleted.
        """
        if self.conservative:
            raise InvalidInput("a conservative sketch takes no deletions; make it with conservative=False")
        self._delete(keys, weights)

    def _like(self) -> dict[str, Any]:
        return super()._like() | {"conservative": self.conservative}

    def _complete(self, heavy: float) -> bool:
        return self.error_bound <= heavy

    @classmethod
    def _read(cls, data: bytes) -> "CountMin":
        return cls._of(_native.CountMin.from_bytes(data))

    def __repr__(self) -> str:
        """Say what it is and what it holds."""
        return f"CountMin(width={self.width}, depth={self.depth}, conservative={self.conservative}, total={self.total})"
