"""From values to codes: rounding to levels, at random or to the nearest, and packing."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.codes import Codes
from beforehand.quantization.inputs import Numbers, Values, as_values
from beforehand.quantization.level_tables import Levels
from beforehand.quantization.options import (
    MOST_LEVELS,
    Outside,
    ascending,
    check_encode,
)
from beforehand.quantization.tables import decodable

MOST_AXES = 8
ROUNDS = 2  # of the rotation: with a single one sparse vectors are biased


def encode(
    x: Numbers,
    levels: Levels | ArrayLike,
    *,
    seed: int | None = None,
    stream: int = 0,
    outside: Outside = "raise",
    threads: int = 1,
) -> Codes:
    """Round each value at random to one of its two neighboring levels, so that the mean is the value, and pack.

    Args:
        x: The values, of any shape and of a dtype that `levels` accepts.
        levels: What `levels()` returned, or the levels themselves, 1-D and strictly ascending. Levels for "mse" round
            to the nearest level, which is not random. Those of method "rotation" rotate `x` at random, and then round
            to the nearest. Those of method "scaled" first find the best scale of each block. Tables along an axis need
            as many indices there in `x`, those of blocks the shape that they were made for.
        seed: From 0 to 2**64 - 1; may be left out if nothing is random.
        stream: From 0 to 2**56 - 1; a different one for each worker, step and layer.
        outside: What to do with values beyond the end levels: "raise", or "clip" them to the end level, which is
            biased.
        threads: Maximum number of threads. The codes never depend on it.

    Guarantee:
        Unbiased: the mean over seeds or streams is the value to within 2**-22 of the gap between its levels; a value
        that equals a level is kept exactly. The same (x, levels, seed, stream) gives the same bytes on every machine.
        Noise depends on the position in `x`, so equal values are rounded independently. With rotation no
        single seed keeps a value exactly, and for "unbiased" the mean over seeds and streams is right as far as random
        signs stand for a uniform rotation: within 0.4 % of a chunk's norm where no few values make up nearly all of
        it; within 1.2 % in chunks of 1,024 values and more; in shorter ones, which are filled up to 64 values or cut
        there, within 15 % at 2 levels, 5 % at 4 and 1 % at 16. A row of a few values wants another method.

    Cost:
        Some 3 to 8 ns a value up to 16 levels and 6 to 13 up to 256, and less where each column of a matrix has a table
        (`axis` is the last one): 1 to 5, but 33 above 256 levels, for float64 and for a single row; with rotation 8 to
        13. Releases the GIL above 10,000 values.

    Raises:
        InvalidInput: `x` contains NaN, infinity or values outside its levels; the levels do not ascend, do not match
            `x`, or cannot be represented in its dtype; `seed` is missing.

    Example:
        >>> codes = encode([0.0, 0.5, 4.0], [0.0, 1.0, 2.0, 4.0], seed=1)
        >>> codes.indices(), codes.bits
        (array([0, 0, 3], dtype=uint8), 2)

    Reference:
        Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: Optimal and Near-Optimal Adaptive Vector Quantization,
        arXiv:2402.03158.
    """
    values = as_values(x)
    shape = values.data.shape
    if len(shape) > MOST_AXES:
        raise InvalidInput(f"x has {len(shape)} axes, but codes have at most {MOST_AXES}; reshape it")
    if not isinstance(levels, Levels):
        levels = _given(levels)
    tables, counts = _tables(levels, values)
    check_encode(seed=seed, stream=stream, outside=outside, threads=threads)
    rotated = levels.method == "rotation"
    random = rotated or (levels.objective == "unbiased" and tables.shape[1] > 1)
    if random and seed is None:
        raise InvalidInput("seed is None, but this rounding is random; pass a seed from 0 to 2**64 - 1")

    scaled = levels.method == "scaled"
    axis, block = (levels.axis, levels.block) if rotated or scaled or len(counts) > 1 else (None, None)
    if rotated and not values.data.size:
        axis = None  # a group must have an index
    header = _native.CodesHeader(
        method=_native.Method[levels.method],
        objective=_native.Objective[levels.objective],
        dtype=values.dtype.code,
        n_levels=tables.shape[1],
        axis=None if axis is None else axis % len(shape),
        block=block,
        rounds=ROUNDS if rotated else 0,
        seed=seed if random and seed is not None else 0,
        stream=stream if random else 0,
        shape=shape,
        scale=_native.Scale[levels.scale] if scaled and levels.scale is not None else _native.Scale.none,
    )
    return Codes(*_native.encode_codes(header, values.native, tables, counts, clip=outside == "clip", threads=threads))


def _given(levels: ArrayLike) -> Levels:
    """One table of levels for all values, as the caller wants it."""
    table = ascending(levels)
    if table.size > MOST_LEVELS:
        raise InvalidInput(f"levels has {table.size} numbers, but must have from 1 to {MOST_LEVELS}")
    return Levels(values=table, method="given", objective="unbiased", shape=table.shape)


def _tables(levels: Levels, values: Values) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """The tables in the level dtype of these values, and how many levels of each row count."""
    tables, counts = levels._rows(values.data.shape)
    with np.errstate(over="ignore", under="ignore"):
        tables = tables.astype(values.dtype.levels, copy=False) + 0  # -0.0 becomes 0.0
    if not np.isfinite(tables).all():
        raise InvalidInput(
            f"levels reach from {levels.values.min()} to {levels.values.max()}, but for x of dtype {values.dtype.name} "
            f"they must be finite as {values.dtype.levels}; convert x to float64 first"
        )
    if levels.method != "scaled" and not values.dtype.holds(tables):
        raise InvalidInput(
            f"levels reach from {tables.min()} to {tables.max()}, but x has dtype {values.dtype.name}, which cannot "
            "represent them when decoding; convert x to float32 first"
        )
    if levels.method not in ("rotation", "scaled"):
        tables = decodable(tables, values.dtype)
    return np.ascontiguousarray(tables), counts
