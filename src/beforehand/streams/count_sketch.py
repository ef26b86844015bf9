"""The weight of any key, too high as often as too low, with deletions at will."""

from typing import ClassVar, final

from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import KeyKind, Keys
from beforehand.streams.sizes import allocating
from beforehand.streams.sketch import Sketch, shape
from beforehand.streams.summary import check_common


@final
class CountSketch(Sketch):
    """Estimate the weight of any key without bias, and take weights back at will.

    Each of `depth` rows adds the weight of a key, with a sign of the key's own, to one of its `width` counters; the
    median of a key's counters, each times that sign, is its estimate. The only summary here that takes deletions of
    keys in any order and number. Its bounds are probable, not certain: where nothing is deleted, take `SpaceSaving`.

    Args:
        width: Counters in a row.
        depth: Rows; odd, 1 to 63. More rows make large errors rarer, more width makes all errors smaller.
        memory: Bytes instead of `width`, or text such as "256KiB".
        key: What keys are: "u64", "i64", "str", "bytes"; "auto" takes the kind of the first.
        seed: Of all hashes. Pass a random one if the keys come from an adversary; the hash is not cryptographic.

    Guarantee:
        The estimate is unbiased over seeds and may be negative. `bounds` are the estimate and 2 * sqrt(F2 / width) to
        each side, within 0 and the total, with F2 the sum of the squares of all weights as the sketch itself estimates
        it. A true weight lies outside with a probability of at most exp(-depth / 8); for 5 rows at most 0.104, and
        less than 0.01 in practice. Nothing here is certified. A merged sketch is that of the whole stream.

    Cost:
        8 bytes a counter. `update` takes O(depth) for each key and releases the GIL above 10,000 keys. The first
        `bounds` after an update reads the whole sketch. Not locked: a second thread gets `InvalidInput`.

    Raises:
        InvalidInput: An argument breaks its rule.
        CapacityExceeded: There is not so much memory.

    Example:
        >>> sketch = CountSketch(width=1000)
        >>> sketch.update([7, 7, 7, 8])
        >>> sketch.delete([7], weights=[2])
        >>> sketch.estimate([7, 8, 9])
        array([1., 1., 0.])

    Source:
        Charikar, Chen, Farach-Colton: Finding Frequent Items in Data Streams. ICALP 2002.
    """

    __slots__ = ()
    _estimators: ClassVar[tuple[str, ...]] = ("count", "upper", "lower")

    def __init__(
        self,
        *,
        width: int | None = None,
        depth: int = 5,
        memory: int | str | None = None,
        key: KeyKind = "auto",
        seed: int = 0,
    ) -> None:
        check_common(key, seed)
        width, depth = shape(width, depth, memory, cell=8)
        if depth % 2 == 0:
            raise InvalidInput(f"depth is {depth}, but must be odd, so that there is a median; take {depth + 1}")
        with allocating(8 * depth * width):
            self._native = _native.CountSketch(depth, width, seed, key)

    def delete(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Take weight away from keys, whether it was added before or not.

        Args:
            keys: As in `update`, without nulls.
            weights: As in `update`.

        Raises:
            InvalidInput: A key or a weight breaks its rule. Nothing was deleted.
            CapacityExceeded: What was added and what was deleted would pass 2**63 - 1 together. Nothing was deleted.
        """
        self._delete(keys, weights)

    def _complete(self, heavy: float) -> bool:
        return False

    @classmethod
    def _read(cls, data: bytes) -> "CountSketch":
        return cls._of(_native.CountSketch.from_bytes(data))

    def __repr__(self) -> str:
        """Say what it is and what it holds."""
        return f"CountSketch(width={self.width}, depth={self.depth}, total={self.total}, deleted={self.deleted})"
