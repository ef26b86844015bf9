"""A sample of complete vectors, and what levels and codecs do to them."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.quantization.codec import Codec
from beforehand.quantization.dtypes import widen
from beforehand.quantization.inputs import Numbers, as_values
from beforehand.quantization.options import LARGEST_CHUNK, SMALLEST_CHUNK
from beforehand.quantization.theory import Floats

VectorsLike: TypeAlias = Trace | Numbers | Sequence[Numbers]


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Vectors of one length, as the rows of a matrix."""

    positions: NDArray[np.intp]  # where its vectors stand in the sample
    matrix: NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class Vectors:
    """Complete vectors, gathered by length and dtype so that one call serves many."""

    batches: tuple[Batch, ...]

    @classmethod
    def read(cls, sample: VectorsLike, name: str = "sample", *, axis: int | None = None) -> Self:
        """Read a `Trace` of kind `vectors`, a 2-D array of one vector a row, or a list of 1-D arrays.

        Args:
            sample: Where the vectors are.
            name: What an error calls it.
            axis: 1 if the vectors are the columns of the array.

        Raises:
            InvalidInput: there is no vector or an empty one; a value is not finite; squares overflow or vanish; a trace
                is of another kind.
        """
        if isinstance(sample, Trace):
            sample = _from_trace(sample, name)
        batches = _stacks(sample, name, axis) if isinstance(sample, list | tuple) else _matrix(sample, name, axis)
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
        return cls(batches)

    def __len__(self) -> int:
        """How many vectors there are."""
        return sum(len(batch.positions) for batch in self.batches)

    @property
    def size(self) -> int:
        """How many values there are."""
        return sum(batch.matrix.size for batch in self.batches)

    @property
    def level_bytes(self) -> int:
        """Bytes of one level."""
        return max(as_values(batch.matrix[:1]).dtype.levels.itemsize for batch in self.batches)

    def groups(self, block: int | None) -> int:
        """How many tables blocks of that length need, or one for each vector."""
        return sum(len(b.matrix) * (-(-b.matrix.shape[1] // block) if block else 1) for b in self.batches)

    def side_bytes(self, codec: Codec, s: int) -> float:
        """Bytes beside codes of `s` levels: tables; with rotation also the scales of chunks and what fills them up."""
        if codec.method != "rotation":
            return self.groups(codec.block) * s * self.level_bytes
        tables = len(self) if codec.axis is None else 1
        block = codec.block or LARGEST_CHUNK
        chunks = filled = 0
        for batch in self.batches:
            rows, length = batch.matrix.shape
            rest = length % block
            chunks += rows * (length // block + (rest // SMALLEST_CHUNK).bit_count() + (rest % SMALLEST_CHUNK > 0))
            filled += rows * (-length % SMALLEST_CHUNK)
        return (tables * s + chunks) * self.level_bytes + filled * math.log2(s) / 8

    def first(self, *, values: int, vectors: int) -> Self:
        """The first vectors, at least one, until they reach this number of vectors or of values."""
        kept: list[Batch] = []
        for batch in self.batches:
            if values <= 0 or vectors <= 0:
                break
            rows = min(len(batch.matrix), vectors, -(-values // batch.matrix.shape[1]))
            kept.append(Batch(batch.positions[:rows], batch.matrix[:rows]))
            values -= kept[-1].matrix.size
            vectors -= rows
        return type(self)(tuple(kept))

    def halves(self) -> tuple[Self, Self]:
        """The vectors that stand in the first half of the sample, and the others."""
        middle = len(self) // 2
        early: list[Batch] = []
        late: list[Batch] = []
        for batch in self.batches:
            for half, chosen, start in (
                (early, batch.positions < middle, 0),
                (late, batch.positions >= middle, middle),
            ):
                if chosen.any():
                    half.append(Batch(batch.positions[chosen] - start, batch.matrix[chosen]))
        return type(self)(tuple(early)), type(self)(tuple(late))

    def pool(self) -> NDArray[Any]:
        """All values in one array."""
        return np.concatenate([batch.matrix.ravel() for batch in self.batches])

    def vnmse(self, squared_errors: Callable[[Batch], Floats]) -> Floats:
        """The squared error of each vector over its squared length; 0 for a vector of zeros."""
        result = np.zeros(len(self))
        for batch in self.batches:
            norms = squared_norms(batch.matrix)
            np.divide(squared_errors(batch), norms, out=norms, where=norms > 0)
            result[batch.positions] = norms
        return result


def expected(vectors: Vectors, codec: Codec, seed: int = 0) -> Floats:
    """The vNMSE of each vector that the codec's levels for it must give; with rotation, what one of this seed gives."""
    if codec.method == "rotation":  # whose theory is of long vectors
        return measured(vectors, codec, seed)[0]
    codec = replace(codec, axis=0) if codec.block is None else codec

    def squared_errors(batch: Batch) -> Floats:
        groups = codec.fit(batch.matrix).group_squared_error
        assert groups is not None  # as there is an axis or a block
        total: Floats = groups.reshape(len(batch.matrix), -1).sum(axis=1)
        return total

    return vectors.vnmse(squared_errors)


def measured(vectors: Vectors, codec: Codec, seed: int) -> tuple[Floats, float]:
    """Encode and decode: the vNMSE of each vector, and seconds of processor time a value."""
    seconds = 0.0
    columns = codec.axis in (1, -1)

    def squared_errors(batch: Batch) -> Floats:
        nonlocal seconds
        result = []
        one_by_one = zip(batch.positions.tolist(), batch.matrix, strict=True)
        for stream, part in one_by_one if codec.axis is None else [(0, batch.matrix)]:
            x = part.T if columns else part
            start = time.thread_time()
            decoded = codec.decode(codec.encode(x, seed=seed, stream=stream))
            seconds += time.thread_time() - start
            error = np.subtract(decoded, x, dtype=np.float64)
            result.append(squared_norms(error.T if columns else np.atleast_2d(error)))
        return np.concatenate(result)

    return vectors.vnmse(squared_errors), seconds / vectors.size


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


def _matrix(sample: Any, name: str, axis: int | None) -> tuple[Batch, ...]:
    matrix = _read(sample, name)
    if matrix.ndim != 2:
        raise InvalidInput(
            f"{name} has {matrix.ndim} dimensions, but must have two, one vector a row; "
            f"pass [{name}] if it is a single vector"
        )
    if axis is not None and axis not in (0, 1, -1, -2):
        raise InvalidInput(f"axis is {axis}, but must be 0 or 1: {name} has two dimensions")
    matrix = matrix.T if axis in (1, -1) else matrix
    return (Batch(np.arange(len(matrix)), matrix),) if len(matrix) else ()


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
