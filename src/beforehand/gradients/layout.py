"""What lies where in a bucket: tensors by name, and the pieces that transforms want."""

import hashlib
import json
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, final

from beforehand.core.errors import InvalidInput
from beforehand.gradients.inputs import whole

PIECES = 4096  # that the stream of random numbers can tell apart


class Piece(NamedTuple):
    """A run of a bucket, padded with zeros to `length`, a power of two, where the bucket ends before it."""

    start: int
    length: int


def split_power_of_two(length: int, *, smallest: int = 1024, largest: int = 2**23) -> tuple[Piece, ...]:
    """Cut a bucket into pieces of a power of two each, with little padding and few pieces.

    Args:
        length: Coordinates, at least 1.
        smallest: Of a piece, a power of two.
        largest: Of a piece, a power of two, at least `smallest`.

    Guarantee:
        The pieces lie one behind the other, from the longest to the shortest, and the last is padded. For lengths from
        2**14 to 2**22 padding adds at most 6.7 %, and there are at most 10 pieces.

    Raises:
        InvalidInput: `length` is below 1, or a bound is not such a power of two.

    Example:
        >>> split_power_of_two(85_002)[:2]
        (Piece(start=0, length=65536), Piece(start=65536, length=16384))
    """
    for name, given in (("length", length), ("smallest", smallest), ("largest", largest)):
        whole(name, given)
    if length < 1:
        raise InvalidInput(f"length is {length}, but must be at least 1")
    if smallest < 1 or smallest & (smallest - 1) or largest < smallest or largest & (largest - 1):
        raise InvalidInput(f"smallest is {smallest} and largest {largest}, but must be powers of two in that order")
    pieces: list[Piece] = []
    start = 0
    while (left := length - start) > 0:
        below = 1 << (left.bit_length() - 1)
        size = 2 * below if 16 * left >= 15 * 2 * below else below
        pieces.append(Piece(start, min(max(size, smallest), largest)))
        start += pieces[-1].length
    return tuple(pieces)


@final
@dataclass(frozen=True, init=False)
class Layout:
    """The tensors of one bucket in their order, by name.

    Args:
        tensors: Pairs of a name and a shape; names differ.

    Raises:
        InvalidInput: These are no such pairs, names repeat, a dimension is negative, or there is no coordinate.

    Example:
        >>> layout = Layout([("weight", (300, 200)), ("bias", (300,))])
        >>> layout.size, len(layout.pieces())
        (60300, 5)
    """

    tensors: tuple[tuple[str, tuple[int, ...]], ...]

    def __init__(self, tensors: Iterable[tuple[str, Iterable[int]]]):
        try:
            kept = tuple((name, tuple(operator.index(length) for length in shape)) for name, shape in tensors)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"tensors must be pairs of a name and a shape of whole numbers ({error}), as [('weight', (3, 2))]"
            ) from None
        object.__setattr__(self, "tensors", kept)
        names = [name for name, _ in kept]
        if not all(isinstance(name, str) for name in names):
            raise InvalidInput(f"tensors have names {names}, but each must be a string")
        if len(set(names)) < len(names):
            raise InvalidInput(f"tensors repeat the name {max(names, key=names.count)!r}; give each its own")
        if any(length < 0 for _, shape in kept for length in shape) or self.size < 1:
            raise InvalidInput(f"tensors have shapes {[shape for _, shape in kept]}, but need at least one coordinate")

    @property
    def size(self) -> int:
        """Coordinates of the bucket."""
        return sum(math.prod(shape) for _, shape in self.tensors)

    @property
    def slices(self) -> dict[str, slice]:
        """Where each tensor lies."""
        found: dict[str, slice] = {}
        start = 0
        for name, shape in self.tensors:
            found[name] = slice(start, start := start + math.prod(shape))
        return found

    def pieces(self, smallest: int = 1024, largest: int = 2**23) -> tuple[Piece, ...]:
        """The bucket as `split_power_of_two` cuts it."""
        return split_power_of_two(self.size, smallest=smallest, largest=largest)

    @property
    def digest(self) -> str:
        """The SHA-256 of names and shapes, equal on all workers, unless they train different models."""
        return hashlib.sha256(json.dumps(self.tensors).encode()).hexdigest()
