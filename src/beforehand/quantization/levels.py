"""The levels that a set of numbers is rounded to, chosen for these very numbers."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.deprecation import renamed_arguments
from beforehand.core.errors import InvalidInput
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import Numbers, Values, as_weights, non_empty
from beforehand.quantization.level_tables import Levels, rotation_levels
from beforehand.quantization.options import (
    LARGEST_CHUNK,
    SCALED_BLOCK,
    Method,
    Objective,
    Scale,
    as_grid,
    check_levels,
    check_n_levels,
    check_scaled,
)
from beforehand.quantization.scaled import solve_scaled
from beforehand.quantization.sorting import ascending
from beforehand.quantization.tables import compacted, decodable
from beforehand.quantization.zero_level import zero_levels

EXACT_UP_TO = 65536  # values of a group that "auto" solves exactly


@renamed_arguments(s="n_levels")
def levels(
    x: Numbers,
    n_levels: int = 16,
    *,
    method: Method = "auto",
    objective: Objective = "unbiased",
    weights: ArrayLike | None = None,
    grid: ArrayLike | None = None,
    axis: int | None = None,
    block: int | None = None,
    bins: int | None = None,
    certify: bool = False,
    scale: Scale | None = None,
    zero: bool = False,
    threads: int = 1,
) -> Levels:
    """Choose the `n_levels` levels that these numbers can be rounded to with the smallest squared error.

    Args:
        x: The data, of any shape: float16, bfloat16, float32, float64, float8 as ml_dtypes has it, or integers up to
            2**53; a numpy array, what `np.asarray` reads, or a CPU tensor with `__dlpack__`.
        n_levels: How many levels, 2 to 65536 (1 too for "mse"). At least the number of distinct values gives these.
        method: "exact" is the optimum; "histogram" comes close to it in one pass without sorting; "uniform" is equally
            spaced from minimum to maximum. "auto": "exact" for groups of at most 65,536 values and for 8 and 16 bit
            types, else "histogram". "rotation" takes fixed levels for data that `encode` rotates at random: often the
            smaller error up to 4 bits, but no element can be read alone; `n_levels` is a power of two from 2 to 256.
            "scaled" finds one table of at most 256 levels for all values divided by the scale of their block: the
            smallest error for the bytes of weights and embeddings, and each row can be read alone.
        objective: "unbiased" minimizes the error of rounding at random to a neighboring level, so that the mean is
            the value; minimum and maximum are then levels. "mse" minimizes that of rounding to the nearest level, which
            is exact 1-D k-means: a smaller error, but a biased one.
        weights: How much each value counts, broadcastable to `x`: finite, not negative, not all 0 in a group.
        grid: The only numbers that may become levels, ascending; it must enclose the data. Only for "unbiased".
        axis: One table for each index along this axis.
        block: One table for each run of this many values along the last axis. With "rotation" the most values that are
            rotated together, a power of two from 64 on, 65536 by default; it may then go with `axis`. With "scaled"
            how many share a scale, a multiple of 8, 64 by default; one as long as a row gives each row a scale.
        bins: Buckets of the histogram, 64 to 65536; by default 64 for each level, 4096 to 65536.
        certify: With "histogram", also bound the error of any levels from below, so that `gap` is known; it costs about
            the solve again. An exact result is certified in any case; only for "unbiased".
        scale: The dtype of the scales with method "scaled": "float16" (by default) and "bfloat16" take 16 bits a block,
            "e8m0", a power of two, takes 8.
        zero: Make 0 a level, so that zeros are decoded as zeros; the others are chosen given that. Only with "exact",
            which is what "auto" means then, and "scaled".
        threads: Maximum number of threads, among which groups are shared out. Results never depend on it.

    Guarantee:
        Of "exact": no levels have a squared error smaller by more than 1e-9 of it, wherever the values lie and whatever
        the weights are (for "mse" before the levels are rounded to their dtype). `exact` says so, and where it is
        False, `gap` bounds what is left. Of "scaled": table and scales are chosen in turn, each for the other, until
        little is gained; `losses` has the error after each turn. A table is exact for the scales that it was made for
        where `exact` says so, up to 65,536 values; of more data, samples of blocks give it, and its error on all of
        them is the last of `losses`. Scales are the best of five or seven for each block. No promise is made that no
        other pair of table and scales is better. The same data give the same levels on every machine, whatever the
        threads.

    Cost:
        "uniform" and "rotation": a pass or two. "histogram": about half a sort. "scaled": one sort with 16 levels, two
        to three with 256. "exact": two to three sorts up to 16 levels, about ten for more; at most 16 bytes a value, 24
        for float64 and int32, more where weights are given. docs/performance has the figures. Releases the GIL above
        10,000 values.

    Raises:
        InvalidInput: `x` is empty, contains NaN or infinity, or an option breaks its rule.
        CapacityExceeded: A group has more than 2**31 - 1 values.

    Example:
        >>> table = levels([0.0, 1.0, 2.0, 3.0, 10.0], 3)
        >>> table.values, table.squared_error
        (array([ 0.,  3., 10.]), 4.0)
        >>> levels([0.0, 1.0, 2.0, 3.0, 10.0], 2, objective="mse").values
        array([ 1.5, 10. ])

    Reference:
        Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: Optimal and Near-Optimal Adaptive Vector Quantization,
        arXiv:2402.03158.
    """
    values = non_empty(x)
    if scale is not None and method != "scaled":
        raise InvalidInput(f"scale is {scale!r}, but method={method!r} has no scales; take method='scaled'")
    if zero and (method not in ("auto", "exact", "scaled") or grid is not None or bins is not None):
        raise InvalidInput(
            f"zero is given with method={method!r}, but only 'exact' and 'scaled' levels without grid and bins can "
            "have one at 0; drop zero or these"
        )
    if method == "scaled":
        check_levels(method, objective, n_levels, grid=grid, bins=bins, certify=certify, threads=threads)
        if weights is not None or axis is not None:
            raise InvalidInput("weights or axis are given, but scaled blocks have neither; drop them, and pass block=")
        block, scale = SCALED_BLOCK if block is None else block, "float16" if scale is None else scale
        check_scaled(n_levels, block, scale)
        found = solve_scaled(values, n_levels, objective, block, scale, zero=zero, threads=threads)
        return Levels(method="scaled", objective=objective, shape=values.data.shape, block=block, scale=scale, **found)
    if method == "rotation":
        check_levels(method, objective, n_levels, grid=grid, bins=bins, certify=certify, threads=threads)
        if weights is not None:
            raise InvalidInput("weights are given, but rotation mixes all values; drop them or take another method")
        return rotation_levels(values, n_levels, objective, axis, LARGEST_CHUNK if block is None else block)
    groups = grouping(values.data.shape, axis, block)
    if method == "auto" and bins is not None:
        method = "histogram"
    elif method == "auto":
        quick = zero or grid is not None or values.dtype.keyed or groups.largest <= EXACT_UP_TO
        method = "exact" if quick else "histogram"
    check_levels(method, objective, n_levels, grid=grid, bins=bins, certify=certify, threads=threads)
    weight, weight_unit = (None, 1.0) if weights is None else _scaled(as_weights(weights, values.data.shape))
    options: dict[str, Any] = {"method": method, "objective": objective, "axis": axis, "block": block}
    goal = _native.Objective[objective]
    if zero:
        chosen, counts, found_gap = zero_levels(values, groups, n_levels, objective, weight, threads)
        cost = _native.score_levels(values.native, groups, chosen, counts, goal, weight, weight_unit)
        made = replace(Levels.of(values, chosen, counts, cost, **options), gap=found_gap)
        return _decodable(made, values, groups, chosen, weight, weight_unit)
    sort_here = method == "exact" and weights is None
    tables = _native.levels(
        values.native,
        groups,
        method=_native.Method[method],
        objective=goal,
        n_levels=n_levels,
        ascending=ascending(values, groups) if sort_here else None,
        bins=bins or min(max(64 * n_levels, 4096), 65536),
        weights=weight,
        weight_unit=weight_unit,
        grid=None
        if grid is None
        else as_grid(grid, min(values.dtype.levels, values.dtype.decoded, key=lambda dtype: dtype.itemsize)),
        certify=certify,
        threads=threads,
    )
    made = Levels.of(values, tables.levels, tables.counts, tables.cost, tables.grid_index, **options)
    return _decodable(made, values, groups, tables.levels, weight, weight_unit)


def _decodable(
    made: Levels,
    values: Values,
    groups: _native.Grouping,
    tables: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    weight_unit: float,
) -> Levels:
    """Round the tables to what decoding gives back."""
    rounded = decodable(tables, values.dtype)
    if (rounded == tables).all():
        return made
    rounded, counts = compacted(rounded)
    goal = _native.Objective[made.objective]
    cost = _native.score_levels(values.native, groups, rounded, counts, goal, weight, weight_unit)
    bound = None if made.gap is None else made.squared_error * (1 - made.gap)
    gap = None if bound is None else max(0.0, 1 - bound / cost.squared_error) if cost.squared_error else 0.0
    fields: dict[str, Any] = {name: getattr(made, name) for name in ("method", "objective", "axis", "block")}
    return replace(Levels.of(values, rounded, counts, cost, **fields), gap=gap)


def uniform_levels(values: Values, n_levels: int, objective: Objective, axis: int | None, block: int | None) -> Levels:
    """Equally spaced levels without their error, which would take one more pass over the data."""
    check_n_levels(n_levels, objective)
    tables = _native.levels(
        values.native,
        grouping(values.data.shape, axis, block),
        method=_native.Method.uniform,
        objective=_native.Objective[objective],
        n_levels=n_levels,
        score=False,
    )
    return Levels.of(
        values, tables.levels, tables.counts, method="uniform", objective=objective, axis=axis, block=block
    )


def _scaled(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The weights divided by a power of two that keeps their products with squares in range, and that power."""
    exponent = math.frexp(weights.max(initial=0.0))[1]
    if abs(exponent) < 200:
        return weights, 1.0
    unit = 2.0 ** (exponent - 1)
    return weights / unit, unit
