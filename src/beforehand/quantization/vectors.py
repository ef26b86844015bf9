"""A sample of complete vectors, and what codecs do to them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.quantization.codec import Codec
from beforehand.quantization.codes import Codes
from beforehand.quantization.dtypes import widen
from beforehand.quantization.inputs import Numbers, as_values
from beforehand.quantization.theory import Floats

VectorsLike: TypeAlias = Trace | Numbers | Sequence[Numbers]
Kept = Literal["alone", "rows", "columns", "runs"]
HEADER = 64 + 8 + 4  # bytes of codes, besides 8 for each axis, that do not grow


class Measured(NamedTuple):
    """What a codec did: the squared error of each vector, bits that are kept for a value, and seconds a value."""

    errors: Floats
    bits: float
    seconds: float


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Vectors of one length, as the rows of a matrix."""

    positions: NDArray[np.intp]  # where its vectors stand in the sample; below 0: along, but not looked at
    matrix: NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class Vectors:
    """Complete vectors, gathered by length and dtype.

    Args:
        batches: The vectors.
        kept: How they are encoded: each by itself; as rows of an array, whose rows and columns may have tables of their
            own; as columns of such an array; or as runs along the last axis of an array of more axes.
        axes: How many axes that array has.
        width: How many columns the whole array has, if these are only some of them.
    """

    batches: tuple[Batch, ...]
    kept: Kept = "alone"
    axes: int = 1
    width: int | None = None

    @classmethod
    def read(cls, sample: VectorsLike, name: str = "sample", *, axis: int | None = None, together: bool = True) -> Self:
        """Read a `Trace` of kind `vectors`, an array, or a list of 1-D arrays.

        Args:
            sample: Where the vectors are: in an array the runs along the last axis.
            name: What an error calls it.
            axis: 1 if the vectors are the columns of the array.
            together: Whether an array is encoded in one go; a list never is.

        Raises:
            InvalidInput: there is no vector or an empty one; a value is not finite; squares overflow or vanish; a trace
                is of another kind.
        """
        if isinstance(sample, Trace):
            sample = _from_trace(sample, name)
        kept: Kept = "alone"
        axes = 1
        if isinstance(sample, list | tuple):
            batches = _stacks(sample, name, axis)
        else:
            batches, axes = _matrix(sample, name, axis)
            if together:
                kept = "runs" if axes > 2 else "columns" if axis in (1, -1) else "rows"
        if not batches or any(batch.matrix.shape[1] == 0 for batch in batches):
            raise InvalidInput(f"{name} must contain at least one vector, and none of length 0; pass complete vectors")
        for batch in batches:
            bad = np.count_nonzero(~np.isfinite(batch.matrix), axis=1)
            if bad.any():
                first = int(batch.positions[np.argmax(bad > 0)])
                raise InvalidInput(
                    f"{name} contains {int(bad.sum())} NaN or infinite value(s), the first in vector {first}; "
                    "remove such values first"
                )
            norms = squared_norms(batch.matrix)
            if not np.isfinite(norms).all() or batch.matrix[norms < np.finfo(np.float64).tiny].any():
                raise InvalidInput(f"{name} contains vectors whose squares overflow or vanish; scale all of them")
        return cls(batches, kept, axes)

    def __len__(self) -> int:
        """How many vectors there are."""
        return sum(len(batch.positions[batch.positions >= 0]) for batch in self.batches)

    @property
    def size(self) -> int:
        """How many values there are."""
        return sum(batch.matrix.size for batch in self.batches)

    @property
    def longest(self) -> int:
        """The length of the longest vector."""
        return max(len(batch.matrix[0]) for batch in self.batches)

    @property
    def norms(self) -> Floats:
        """The squared length of each vector."""
        return self._each(lambda batch: squared_norms(batch.matrix))

    def spread(self, *, values: int, alone: int) -> Self:
        """Vectors from all over, at least one of each length, about as many as there may be values.

        The vectors with the smallest and the largest value of an array come along, though no error of theirs counts:
        the range decides the error of levels that reach from end to end, and a few vectors have a narrower one.

        Args:
            values: How many.
            alone: How many vectors at most, if each is encoded by itself.
        """
        share = min(1.0, values / self.size, alone / len(self) if self.kept == "alone" else 1.0)
        some: list[tuple[Batch, NDArray[np.intp]]] = []
        for batch in self.batches:
            rows = len(batch.matrix)
            count = max(1, int(share * rows))
            even = np.arange(count) * rows // count
            ends = np.array([batch.matrix.min(axis=1).argmin(), batch.matrix.max(axis=1).argmax()])
            more = np.setdiff1d(ends, even) if self.kept != "alone" and count < rows else even[:0]
            positions = np.concatenate([batch.positions[even], np.full(len(more), -1)])
            some.append((Batch(positions, batch.matrix[np.concatenate([even, more])]), batch.positions[even]))
        taken = np.sort(np.concatenate([places for _, places in some]))
        batches = tuple(
            Batch(np.where(batch.positions < 0, -1, np.searchsorted(taken, batch.positions)), batch.matrix)
            for batch, _ in some
        )
        return type(self)(batches, self.kept, self.axes, self.width)

    def some_columns(self, *, values: int, least: int) -> Self:
        """Columns from all over with their values from all over, of an array whose vectors are rows.

        A table for a column is found from values of all vectors: from those of a few it fits these few too well.

        Args:
            values: About how many.
            least: Columns, if there are as many.
        """
        (batch,) = self.batches
        rows, width = batch.matrix.shape
        columns = min(width, max(least, values // rows))
        deep = min(rows, max(1, values // columns))
        chosen = np.ix_(np.arange(deep) * rows // deep, np.arange(columns) * width // columns)
        return type(self)((Batch(np.arange(deep), batch.matrix[chosen]),), self.kept, self.axes, width)

    def parts(self, count: int, *, dealt: bool = False) -> list[Self]:
        """So many parts of the sample; what comes along unlooked at goes with the first.

        Args:
            count: How many.
            dealt: Whether vectors are dealt out in turn, so that parts are alike, rather than cut one after the other.
        """
        edges = np.arange(count + 1) * len(self) // count
        found: list[Self] = []
        for part in range(count):
            batches = []
            for batch in self.batches:
                at = batch.positions
                owner = at % count if dealt else np.searchsorted(edges, at, side="right") - 1
                chosen = np.where(at < 0, part == 0, owner == part)
                if chosen.any():
                    places = at[chosen] // count if dealt else at[chosen] - edges[part]
                    batches.append(Batch(np.where(at[chosen] < 0, -1, places), batch.matrix[chosen]))
            found.append(replace(self, batches=tuple(batches)))
        return found

    def pool(self) -> NDArray[Any]:
        """All values in one array."""
        return np.concatenate([batch.matrix.ravel() for batch in self.batches])

    def _each(self, figure: Callable[[Batch], Floats]) -> Floats:
        """A figure of each vector, in their order."""
        result = np.zeros(len(self))
        for batch in self.batches:
            looked_at = batch.positions >= 0
            result[batch.positions[looked_at]] = figure(batch)[looked_at]
        return result

    def measure(self, codec: Codec, seed: int, *, size: int | None = None) -> Measured:
        """Encode and decode all.

        Args:
            codec: What does it.
            seed: Of the rounding.
            size: How many values the whole has, of which these vectors are a part; left out, they are the whole.
        """
        seconds, total = 0.0, 0.0
        columns = self.kept == "columns"

        def squared_errors(batch: Batch) -> Floats:
            nonlocal seconds, total
            result = []
            one_by_one = zip(batch.positions.tolist(), batch.matrix, strict=True)
            for stream, part in one_by_one if self.kept == "alone" else [(0, batch.matrix)]:
                x = part.T if columns else part
                start = time.thread_time()
                codes = codec.encode(x, seed=seed, stream=stream)
                decoded = codec.decode(codes)
                seconds += time.thread_time() - start
                error = np.subtract(decoded, x, dtype=np.float64)
                result.append(squared_norms(error.T if columns else np.atleast_2d(error)))
                total += self._bytes(codec, codes, 1.0 if size is None else size / self.size)
            return np.concatenate(result)

        errors = self._each(squared_errors)
        values = self.size if size is None else size
        return Measured(errors=errors, bits=8 * total / values, seconds=seconds / self.size)

    def _bytes(self, codec: Codec, codes: Codes, times: float) -> float:
        """Bytes of the whole, `times` as large as what was encoded: each vector by itself, or more vectors at once."""
        if self.kept == "alone":
            return codes.nbytes * times
        by_vector = codec.axis is not None and codec.axis % 2 == (self.kept == "columns")
        tables = codec.method not in ("scaled", "rotation") and (codec.block is not None or by_vector)
        fixed, once = HEADER + 8 * len(codes.shape), 0 if tables else codes.levels.nbytes
        more_axes = 8 * (self.axes - len(codes.shape))
        if self.width is not None:  # each row ends on a byte
            row = -(-self.width * codes.bits // 8)
            return fixed + once * self.width / self.longest + times * self.size / self.width * row
        return fixed + more_axes + once + (codes.nbytes - fixed - once) * times


def squared_norms(matrix: NDArray[Any]) -> Floats:
    """The squared length of each row, infinite where squares overflow."""
    with np.errstate(over="ignore"):
        norms: Floats = np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64, casting="same_kind")
    return norms


def _from_trace(trace: Trace, name: str) -> Any:
    if trace.kind != "vectors":
        raise InvalidInput(f"{name} is a trace of kind {trace.kind!r}, but must be of kind 'vectors'")
    if "values" in trace.columns:
        return trace["values"]
    if "values" in trace.children:
        child = trace.children["values"]
        return np.split(child["value"], child.offsets[1:-1])
    raise InvalidInput(f"{name} is a trace without vectors: it needs a 2-D column 'values', or a child table 'values'")


def _matrix(sample: Any, name: str, axis: int | None) -> tuple[tuple[Batch, ...], int]:
    """The vectors of an array, and how many axes it has."""
    array = _read(sample, name)
    if array.ndim < 2:
        raise InvalidInput(
            f"{name} has {array.ndim} dimensions, but must have at least two, with vectors along the last; "
            f"pass [{name}] if it is a single vector"
        )
    if axis is not None and array.ndim > 2:
        raise InvalidInput(f"axis is {axis}, but {name} has {array.ndim} dimensions; leave it out")
    if axis is not None and axis not in (0, 1, -1, -2):
        raise InvalidInput(f"axis is {axis}, but must be 0 or 1: {name} has two dimensions")
    matrix = array.T if axis in (1, -1) else array.reshape(-1, array.shape[-1]) if array.size else array[:0]
    return (Batch(np.arange(len(matrix)), matrix),) if len(matrix) else (), array.ndim


def _stacks(sample: Sequence[Any], name: str, axis: int | None) -> tuple[Batch, ...]:
    if axis is not None:
        raise InvalidInput(f"axis is {axis}, which only a 2-D {name} has; leave it out, or stack the vectors")
    kinds: dict[tuple[int, np.dtype[Any]], list[tuple[int, NDArray[Any]]]] = {}
    for i, vector in enumerate(sample):
        row = _read(vector, f"{name}[{i}]")
        if row.ndim != 1:
            raise InvalidInput(f"{name}[{i}] has {row.ndim} dimensions, but each vector of a list must have one")
        kinds.setdefault((row.size, row.dtype), []).append((i, row))
    return tuple(
        Batch(np.array([i for i, _ in alike]), np.stack([row for _, row in alike])) for alike in kinds.values()
    )


def _read(x: Any, name: str) -> NDArray[Any]:
    values = as_values(x, name)
    if values.dtype.name == "bfloat16":
        return widen(values.data)
    return values.data.view(values.dtype.name) if values.dtype.keyed else values.floats
