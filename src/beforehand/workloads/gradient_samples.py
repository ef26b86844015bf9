"""Gradients with the structures of real ones: noise without structure hides what breaks a compressor."""

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput

Structure = Literal["normal", "layers", "columns", "hot_layer", "hot_row", "one_hot", "sparse", "equal"]
LAYERS, HOT = 16, 30.0
Scales = NDArray[np.float64]


def gradients(
    structure: Structure,
    *,
    size: int = 2**16,
    workers: int = 4,
    steps: int = 1,
    correlation: float = 0.5,
    spread: float = 1.0,
    row: int = 1024,
    seed: int,
) -> Trace:
    """Gradients of several workers, normal times a scale for each coordinate that all workers share.

    Args:
        structure: Which coordinates are large. `"normal"`: all alike. `"layers"`: 16 layers, whose scales fall over two
            decades, in random order. `"columns"`: each column of a matrix has its own scale, lognormal(0, 1.5).
            `"hot_layer"`, `"hot_row"`: the first 64th of the coordinates, or one row, is 30 times as large.
            `"one_hot"`: one coordinate only. `"sparse"`: a hundredth of them. `"equal"`: all coordinates have the same
            value.
        size: Coordinates.
        workers: Rows of each step.
        steps: How many.
        correlation: Of two workers' coordinates (r), from 0 to 1.
        spread: Length of the first worker's gradient over that of the last, at least 1; those between fall evenly.
        row: Length of a row of `"columns"` and `"hot_row"`.
        seed: Another seed gives other gradients of the same kind.

    Returns:
        A trace of kind `gradients`: `step`, `worker` and `gradient`; names and shapes of tensors in `meta`.

    Raises:
        InvalidInput: An argument is out of range.

    Example:
        >>> gradients("columns", size=2048, seed=0)
        Trace('gradients', 4 rows of step, worker, gradient)
    """
    if structure not in get_args(Structure):
        raise InvalidInput(f"structure is {structure!r}, but must be one of {', '.join(get_args(Structure))}")
    if min(size, workers, steps, row) < 1:
        raise InvalidInput(
            f"size is {size}, workers {workers}, steps {steps} and row {row}, but all must be at least 1"
        )
    if not 0 <= correlation <= 1 or not 1 <= spread < math.inf:
        raise InvalidInput(f"correlation is {correlation} and spread {spread}, but must be from 0 to 1 and at least 1")
    random = np.random.default_rng(seed)
    scales, tensors = _STRUCTURES[structure](random, size, min(row, size))
    drawn = 1 if structure == "equal" else size
    factors = spread ** -np.linspace(0, 1, workers)
    rows = np.empty((steps, workers, size), np.float32)
    for step in rows:
        common, own = random.standard_normal(drawn), random.standard_normal((workers, drawn))
        step[:] = factors[:, None] * (math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own) * scales
    columns: dict[str, NDArray[Any]] = {
        "step": np.repeat(np.arange(steps, dtype=np.int32), workers),
        "worker": np.tile(np.arange(workers, dtype=np.int32), steps),
        "gradient": rows.reshape(-1, size),
    }
    names, shapes = [name for name, _ in tensors], [list(shape) for _, shape in tensors]
    return Trace("gradients", columns, meta={"names": names, "shapes": shapes, "seed": seed})


Tensors = list[tuple[str, tuple[int, ...]]]
Draw = Callable[[np.random.Generator, int, int], tuple[Scales, Tensors]]


def _flat(scales: Scales) -> tuple[Scales, Tensors]:
    return scales, [("gradient", (len(scales),))]


def _matrix(scales: Scales, row: int) -> tuple[Scales, Tensors]:
    """Whole rows as a matrix, what is left over as a bias."""
    whole, left = divmod(len(scales), row)
    return scales, [("weight", (whole, row)), *([("bias", (left,))] if left else [])]


def _layers(random: np.random.Generator, size: int, row: int) -> tuple[Scales, Tensors]:
    parts = [len(part) for part in np.array_split(np.empty(size), LAYERS)]
    scales = random.permutation(np.logspace(0, -2, LAYERS))
    return np.repeat(scales, parts), [(f"layer{index}", (part,)) for index, part in enumerate(parts)]


def _columns(random: np.random.Generator, size: int, row: int) -> tuple[Scales, Tensors]:
    return _matrix(np.resize(random.lognormal(sigma=1.5, size=row), size), row)


def _hot_layer(random: np.random.Generator, size: int, row: int) -> tuple[Scales, Tensors]:
    hot = -(-size // 64)
    scales = np.ones(size)
    scales[:hot] = HOT
    return scales, [("hot", (hot,)), *([("rest", (size - hot,))] if size > hot else [])]


def _hot_row(random: np.random.Generator, size: int, row: int) -> tuple[Scales, Tensors]:
    start = random.integers(size // row) * row
    scales = np.ones(size)
    scales[start : start + row] = HOT
    return _matrix(scales, row)


def _some(random: np.random.Generator, size: int, count: int) -> tuple[Scales, Tensors]:
    scales = np.zeros(size)
    scales[random.choice(size, count, replace=False)] = 1
    return _flat(scales)


_STRUCTURES: dict[str, Draw] = {
    "normal": lambda random, size, row: _flat(np.ones(size)),
    "layers": _layers,
    "columns": _columns,
    "hot_layer": _hot_layer,
    "hot_row": _hot_row,
    "one_hot": lambda random, size, row: _some(random, size, 1),
    "sparse": lambda random, size, row: _some(random, size, -(-size // 100)),
    "equal": lambda random, size, row: _flat(np.ones(size)),
}
