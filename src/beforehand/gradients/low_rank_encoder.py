"""One worker's end of a bucket under LowRank."""

from collections.abc import Mapping
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Floats, Round, RoundStats, Sum
from beforehand.gradients.inputs import as_gradient, check_loss_scale
from beforehand.gradients.layout import Layout
from beforehand.gradients.randomness import stream
from beforehand.gradients.scheme import exact_mean

JITTER = 1e-7  # of the mean eigenvalue, so that every Gram matrix has a Cholesky factor
DEAD = 1e-6  # of the longest column; a shorter one no longer finds its way back by itself


class Matrix(NamedTuple):
    """A tensor that is compressed."""

    name: str
    shape: tuple[int, ...]
    rows: int
    columns: int
    rank: int


class _Batch:
    """Matrices of one shape, stacked: what is kept of them from round to round."""

    def __init__(self, matrices: list[Matrix], numbers: list[int], places: list[slice]) -> None:
        self.matrices, self.numbers, self.places = matrices, numbers, places
        _, _, rows, columns, self.rank = matrices[0]
        self.rest = np.zeros((len(matrices), rows, columns), np.float32)
        self.factors = np.zeros((len(matrices), columns, self.rank), np.float32)  # zero: to be drawn

    def with_rest(self, gradient: Floats, loss_scale: float) -> Floats:
        rows = self.rest * np.float32(loss_scale)
        for row, place in zip(rows, self.places, strict=True):
            row += gradient[place].reshape(row.shape)
        return rows


@final
class LowRankEncoder:
    """What `LowRank.open` returns."""

    def __init__(
        self,
        layout: Layout,
        matrices: tuple[Matrix, ...],
        *,
        workers: int,
        start_step: int,
        feedback: bool,
        warm_start: bool,
        seed: int,
        bucket: int,
        step: int,
    ) -> None:
        self.workers = workers
        self.step = step
        self.last = RoundStats()
        self._size = layout.size
        self._start_step = start_step
        self._remembers, self._warm = feedback, warm_start
        self._seed, self._bucket = seed, bucket
        stream(step, bucket, max(len(matrices) - 1, 0))
        slices = layout.slices
        shapes = dict.fromkeys((each.rows, each.columns) for each in matrices)
        self._batches = []
        for shape in shapes:
            alike = [(number, each) for number, each in enumerate(matrices) if (each.rows, each.columns) == shape]
            numbers, members = [number for number, _ in alike], [each for _, each in alike]
            self._batches.append(_Batch(members, numbers, [slices[each.name] for each in members]))
        compressed = {each.name for each in matrices}
        self._plain = [where for name, where in slices.items() if name not in compressed]

    def reduce(self, gradient: Floats, *, loss_scale: float = 1.0) -> Round:
        """One round: a `Sum` of the left factors and of what is not compressed, then one of the right factors."""
        check_loss_scale(loss_scale)
        given = as_gradient(gradient, self._size)
        compresses = self.step >= self._start_step and bool(self._batches)
        mean = (yield from self._factored(given, loss_scale)) if compresses else None
        self.last = RoundStats(fallback="nonfinite" if compresses and mean is None else None)
        if mean is None:
            mean = yield from exact_mean(given, self.workers)
        self.step += 1
        return mean

    def state(self) -> dict[str, NDArray[Any]]:
        """The feedback of each compressed parameter, and the factors to start from."""
        kept: dict[str, NDArray[Any]] = {}
        for batch in self._batches:
            for each, rest, factors in zip(batch.matrices, batch.rest, batch.factors, strict=True):
                if self._remembers:
                    kept[f"feedback/{each.name}"] = rest.reshape(each.shape).copy()
                if self._warm:
                    kept[f"factors/{each.name}"] = factors.copy()
        return kept

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what belongs to this bucket; what `state` lacks starts anew.

        Raises:
            InvalidInput: A parameter, or the rank, has another shape now.
        """
        for batch in self._batches:
            for each, rest, factors in zip(batch.matrices, batch.rest, batch.factors, strict=True):
                if self._remembers:
                    _take(state, f"feedback/{each.name}", rest, each.shape)
                if self._warm:
                    _take(state, f"factors/{each.name}", factors, factors.shape)

    def _factored(self, given: Floats, loss_scale: float) -> Any:
        """The mean, or None where it would not be finite; all workers see the same sums."""
        for batch in self._batches:
            self._revive(batch)
        with np.errstate(over="ignore", invalid="ignore"):  # the sum then shows it to all
            matrices = [batch.with_rest(given, loss_scale) for batch in self._batches]
            lefts = [m @ batch.factors for m, batch in zip(matrices, self._batches, strict=True)]
        total = yield Sum(np.concatenate([*(each.reshape(-1) for each in lefts), *(given[w] for w in self._plain)]))
        if not np.isfinite(total).all():
            return None
        lefts, plain = _cut(total, lefts)
        lefts = [orthonormal(each) for each in lefts]
        with np.errstate(over="ignore", invalid="ignore"):
            own = [m.transpose(0, 2, 1) @ left for m, left in zip(matrices, lefts, strict=True)]
        total = yield Sum(np.concatenate([each.reshape(-1) for each in own]))
        if not np.isfinite(total).all():
            return None
        rights, _ = _cut(total / np.float32(self.workers), own)
        mean = np.empty(self._size, np.float32)
        for where in self._plain:
            size = where.stop - where.start
            mean[where], plain = plain[:size] / np.float32(self.workers), plain[size:]
        for batch, m, left, right, mine in zip(self._batches, matrices, lefts, rights, own, strict=True):
            for where, product in zip(batch.places, _product(left, right), strict=True):
                mean[where] = product.reshape(-1)
            if self._remembers:
                np.subtract(m, _product(left, mine), out=batch.rest)
                if loss_scale != 1:
                    batch.rest /= np.float32(loss_scale)
            batch.factors = _normalized(right) if self._warm else np.zeros_like(right)
        return mean

    def _revive(self, batch: _Batch) -> None:
        """Draw the columns that are zero, without which a direction would be lost for good."""
        for number, factors in zip(batch.numbers, batch.factors, strict=True):
            dead = ~factors.any(axis=0)
            if dead.any():
                drawn = np.empty(factors.size, np.float32)
                _native.start_matrix(self._seed, stream(self.step, self._bucket, number), drawn)
                factors[:, dead] = drawn.reshape(factors.shape)[:, dead]


def orthonormal(columns: Floats) -> Floats:
    """An orthonormal basis of the columns of each matrix (m, rows, r), by Cholesky QR done twice; zeros stay zero."""
    basis = columns.astype(np.float64)
    rank = basis.shape[2]
    for _ in range(2):
        gram = basis.transpose(0, 2, 1) @ basis
        trace = np.trace(gram, axis1=1, axis2=2)
        gram += (np.where(trace > 0, JITTER * trace / rank, 1.0))[:, None, None] * np.eye(rank)
        basis = basis @ np.linalg.inv(np.linalg.cholesky(gram)).transpose(0, 2, 1)
    return np.ascontiguousarray(basis, np.float32)


def _product(left: Floats, right: Floats) -> Floats:
    """The matrices of which these are factors; numpy's products of single columns are slow."""
    return left * right.transpose(0, 2, 1) if left.shape[2] == 1 else left @ right.transpose(0, 2, 1)


def _normalized(factors: Floats) -> Floats:
    """Columns of length 1, which span the same; those far shorter than the longest become zero."""
    lengths = np.sqrt((factors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    alive = lengths > DEAD * lengths.max(axis=2, keepdims=True)
    return np.where(alive, factors / np.where(alive, lengths, 1), 0).astype(np.float32)


def _cut(buffer: Floats, like: list[Floats]) -> tuple[list[Floats], Floats]:
    """The leading parts of a buffer in these shapes, and what is left."""
    parts = []
    for each in like:
        parts.append(buffer[: each.size].reshape(each.shape))
        buffer = buffer[each.size :]
    return parts, buffer


def _take(state: Mapping[str, NDArray[Any]], key: str, into: Floats, shape: tuple[int, ...]) -> None:
    kept = state.get(key)
    if kept is not None and kept.shape != shape:
        raise InvalidInput(f"{key} has shape {kept.shape}, but must have {shape} here; open the codec as it was saved")
    into[...] = 0 if kept is None else kept.reshape(into.shape)
