"""The levels that a set of numbers is rounded to, chosen for these very numbers."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, final, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.groups import Groups
from beforehand.quantization.inputs import KEYED, Values, as_values, as_weights, non_empty, whole
from beforehand.quantization.rotation import LARGEST_CHUNK, check_rotation
from beforehand.quantization.theory import lloyd_max_normal, rotation_vnmse

Method = Literal["auto", "exact", "histogram", "uniform", "rotation"]
Objective = Literal["unbiased", "mse"]
METHODS = {"exact": 0, "histogram": 1, "uniform": 2}  # as kernels know them
OBJECTIVES = {"unbiased": 0, "mse": 1}
MOST_LEVELS = 65536
EXACT_UP_TO = 65536  # values of a group that "auto" solves exactly


@final
@dataclass(frozen=True, eq=False)
class Levels:
    """Tables of levels, what rounding to them costs, and how sure that is.

    Attributes:
        values: The tables in ascending order: `(s,)` for one group, else `(groups, s)`, short ones padded by repeating
            their last level. `np.asarray(levels)` gives the same.
        counts: How many levels each group has, `(groups,)`; None for one group.
        s: The most levels that a group got; at most what was asked for.
        method: "exact", "histogram", "uniform", "rotation", or "given" for a table made elsewhere.
        objective: "unbiased" or "mse".
        axis: The axis along which each index has a table of its own, or None.
        block: The number of consecutive values that share a table, or None; with rotation the largest number of values
            that are rotated together.
        dtype: Of the levels: float32 where it holds all values of the source, else float64.
        shape: Of the data.
        squared_error: The sum of the (expected, weighted) squared errors; inf where squares overflow.
        vnmse: The unweighted squared error over the squared norm of the data; 0 for data that are all 0.
        group_squared_error: `squared_error` of each group, `(groups,)`; None for one group.
        gap: An upper bound on the share of `squared_error` by which the optimum is below it; None if not known.
        exact: Whether the levels are optimal.
        grid_index: Where the levels stand in the grid, in the shape of `values`; None without a grid.
    """

    values: NDArray[Any]
    counts: NDArray[np.int64] | None
    s: int
    method: str
    objective: Objective
    axis: int | None
    block: int | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    squared_error: float
    vnmse: float
    group_squared_error: NDArray[np.float64] | None
    gap: float | None
    exact: bool
    grid_index: NDArray[np.int64] | None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The tables alone, as numpy sees them."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def cover(self, x: Any) -> "Levels":
        """Use this table on other data and stay unbiased: the end levels move to the data's minimum and maximum.

        Args:
            x: The new data; of any shape if this is one table, else of the shape that this was made for.

        Returns:
            Levels with the same interior levels, those outside the new range dropped, scored on `x`. For "mse" the
            levels stay, as every value has a nearest one. On the data that the table was made for, the same levels.

        Cost:
            Two passes over `x`.

        Raises:
            InvalidInput: `x` is empty, holds NaN or infinity, or is of another shape than several tables fit.

        Example:
            >>> table = levels([0.0, 1.0, 2.0, 3.0, 10.0], 3)
            >>> table.cover([1.0, 2.0, 5.0, 20.0]).values
            array([ 1.,  3., 20.])
        """
        values = non_empty(as_values(x))
        if self.method == "rotation":
            return levels(x, self.s, method="rotation", objective=self.objective, axis=self.axis, block=self.block)
        groups = Groups.of(values.shape, self.axis, self.block)
        if self.counts is not None and values.shape != self.shape:
            raise InvalidInput(
                f"x has shape {values.shape}, but these are {len(self.counts)} tables for shape {self.shape}; "
                "pass data of that shape"
            )
        tables = self.values.reshape(-1, self.values.shape[-1]).astype(values.level_dtype).astype(np.float64)
        if self.objective == "unbiased":
            tables = enclosing(tables, ranges(values, groups))
        tables = compact(tables)
        counts = np.count_nonzero(tables[:, 1:] > tables[:, :-1], axis=1) + 1
        figures = np.empty((groups.count, 5))
        _native.score_levels(
            values.data.reshape(-1), values.table, groups.native, OBJECTIVES[self.objective], tables, counts, figures
        )
        return _levels(
            values, groups, self.method, self.objective, tables, counts, figures, None, self.axis, self.block
        )


def levels(
    x: Any,
    s: int = 16,
    *,
    method: Method = "auto",
    objective: Objective = "unbiased",
    weights: ArrayLike | None = None,
    grid: ArrayLike | None = None,
    axis: int | None = None,
    block: int | None = None,
    bins: int | None = None,
    certify: bool = False,
    threads: int = 1,
) -> Levels:
    """Choose the `s` levels that these numbers can be rounded to with the smallest squared error.

    Args:
        x: The data, of any shape: float16, bfloat16, float32, float64 or integers up to 2**53; a numpy array, what
            `np.asarray` reads, or a CPU tensor with `__dlpack__`.
        s: How many levels, 2 to 65536 (1 too for "mse"). `s` of at least the number of distinct values gives these.
        method: "exact" is the optimum; "histogram" comes close to it in one pass without sorting; "uniform" is equally
            spaced from minimum to maximum. "auto": "exact" for groups of at most 65,536 values and for 8 and 16 bit
            types, else "histogram". "rotation" takes fixed levels for data that `encode` rotates at random: often the
            smaller error up to 4 bits, but no element can be read alone; `s` is a power of two from 2 to 256.
        objective: "unbiased" minimises the error of rounding at random to a neighbouring level, so that the mean is
            the value; minimum and maximum are then levels. "mse" minimises that of rounding to the nearest level, which
            is exact 1-D k-means: a smaller error, but a biased one.
        weights: How much each value counts, broadcastable to `x`: finite, not negative, not all 0 in a group.
        grid: The only numbers that may become levels, ascending; it must enclose the data. Only for "unbiased".
        axis: One table for each index along this axis.
        block: One table for each run of so many values along the last axis. With "rotation" the most values that are
            rotated together, a power of two from 64 on, 65536 by default; it may then go with `axis`.
        bins: Buckets of the histogram, 64 to 65536; by default 64 for each level, 4096 to 65536.
        certify: With "histogram", also bound the error of any levels from below, so that `gap` is known; it costs about
            the solve again. An exact result is certified in any case; only for "unbiased".
        threads: At most so many; groups are shared out among them. Results never depend on it.

    Guarantee:
        Of "exact": no levels have a smaller squared error, but for the rounding of float64: about 1e-12 of the error,
        and more only where values lie within 1e-13 of the data's range of each other. `exact` says so, and `gap` bounds
        the rest where a doubt is left. For the same data on every machine and any number of threads the same levels.

    Cost:
        "uniform" and "rotation": a pass or two. "histogram": about half a sort. "exact": three to four sorts up to 16
        levels, up to a hundred for more or for heavy tails; at most 48 bytes a value, 52 for weighted
        float64. docs/performance has the figures. Releases the GIL above 10,000 values.

    Raises:
        InvalidInput: `x` is empty, holds NaN or infinity, or an option breaks its rule.
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
    values = non_empty(as_values(x))
    if method == "rotation":
        _check_options(s, method, objective, grid, bins, threads)
        check_certify(certify, method, objective)
        if weights is not None:
            raise InvalidInput("weights are given, but rotation mixes all values; drop them or take another method")
        block = LARGEST_CHUNK if block is None else block
        check_rotation(s, block)
        return _universal(values, s, objective, axis, block)
    groups = Groups.of(values.shape, axis, block)
    method = _method(method, values, groups, bins, grid)
    _check_options(s, method, objective, grid, bins, threads)
    check_certify(certify, method, objective)
    weight, unit = (None, 1.0) if weights is None else _scaled(as_weights(weights, values.shape))
    candidates = None if grid is None else _grid(grid, values)

    columns = min(s, groups.largest if grid is None else MOST_LEVELS)
    if method == "uniform" or grid is not None:
        columns = s
    tables, counts, figures = (
        np.empty((groups.count, columns)),
        np.empty(groups.count, np.int64),
        np.empty((groups.count, 5)),
    )
    index = np.empty((groups.count, columns) if grid is not None else (0, 0), np.int64)
    _native.levels(
        values.data.reshape(-1), values.table, weight, groups.native, METHODS[method], OBJECTIVES[objective],
        s, bins or min(max(64 * s, 4096), 65536), candidates, certify, threads, tables, counts, index, figures,
    )  # fmt: skip
    figures[:, 0] *= unit
    return _levels(
        values, groups, method, objective, tables, counts, figures, None if grid is None else index, axis, block
    )


def check_s(s: int, objective: Objective) -> None:
    """Check a number of levels.

    Raises:
        InvalidInput: The objective is unknown, or no table can have so many levels.
    """
    if objective not in OBJECTIVES:
        raise InvalidInput(f"objective is {objective!r}, but must be one of {', '.join(OBJECTIVES)}")
    if not isinstance(s, int | np.integer):
        raise InvalidInput(f"s is {s!r}, but must be a whole number of levels")
    fewest = 1 if objective == "mse" else 2
    if not fewest <= s <= MOST_LEVELS:
        raise InvalidInput(f"s is {s}, but must be from {fewest} to {MOST_LEVELS} levels for objective={objective!r}")


def check_certify(certify: bool, method: str, objective: Objective) -> None:
    """Check whether a lower bound can be had.

    Raises:
        InvalidInput: It cannot.
    """
    if certify and (objective != "unbiased" or method in ("uniform", "rotation")):
        raise InvalidInput(
            f"certify is given with method={method!r} and objective={objective!r}, but only unbiased levels that are "
            "'exact' or from a 'histogram' have a bound; drop certify"
        )


def _method(method: Method, values: Values, groups: Groups, bins: int | None, grid: ArrayLike | None) -> Method:
    if method != "auto":
        return method
    if bins is not None:
        return "histogram"
    quick = grid is not None or values.dtype in KEYED or groups.largest <= EXACT_UP_TO
    return "exact" if quick else "histogram"


def _check_options(
    s: int, method: Method, objective: Objective, grid: ArrayLike | None, bins: int | None, threads: int
) -> None:
    if method not in get_args(Method):
        raise InvalidInput(f"method is {method!r}, but must be one of {', '.join(get_args(Method))}")
    check_s(s, objective)
    if whole("threads", threads) < 1:
        raise InvalidInput(f"threads is {threads}, but must be at least 1")
    if bins is not None and not 64 <= whole("bins", bins) <= 65536:
        raise InvalidInput(f"bins is {bins}, but must be from 64 to 65536; leave it out for 64 a level")
    if bins is not None and method != "histogram":
        raise InvalidInput(
            f"bins is {bins}, but method={method!r} has no histogram; drop bins or take method='histogram'"
        )
    if grid is not None and (objective != "unbiased" or method != "exact"):
        raise InvalidInput(
            f"grid is given with method={method!r} and objective={objective!r}, but needs 'exact' and 'unbiased'; "
            "drop grid or these options"
        )


def _universal(values: Values, s: int, objective: Objective, axis: int | None, block: int) -> Levels:
    """Levels for rotated data: the same for all, and so is the share of its squared norm that each group loses."""
    groups = Groups.of(values.shape, axis, None)
    figures = np.empty((groups.count, 5))
    _native.score_levels(  # what rounding all values to 0 costs is the norm
        values.data.reshape(-1), values.table, groups.native, OBJECTIVES["mse"],
        np.zeros((groups.count, 1)), np.ones(groups.count, np.int64), figures,
    )  # fmt: skip
    figures[:, :2] *= rotation_vnmse(s, objective)
    figures[:, 4] = math.nan
    table, counts = lloyd_max_normal(s).reshape(1, s), np.full(groups.count, s)
    made = _levels(values, groups, "rotation", objective, table, counts, figures, None, axis, block)
    each = None if axis is None else made.group_squared_error
    return replace(made, values=made.values[0], counts=None, group_squared_error=each)


def _scaled(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The weights divided by a power of two that keeps their products with squares in range, and that power."""
    exponent = math.frexp(weights.max(initial=0.0))[1]
    unit = 1.0 if abs(exponent) < 200 else 2.0 ** (exponent - 1)
    return weights / unit, unit


def _grid(grid: ArrayLike, values: Values) -> NDArray[np.float64]:
    try:
        given = np.asarray(grid, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"grid is no array of numbers ({error}); pass the candidates for levels") from None
    if given.ndim != 1 or given.size == 0 or not np.isfinite(given).all():
        raise InvalidInput(f"grid has shape {given.shape}, but must be a 1-D array of finite candidates, at least one")
    with np.errstate(over="ignore"):
        candidates = given.astype(values.level_dtype).astype(np.float64) + 0.0
    if not np.isfinite(candidates).all() or (candidates[1:] <= candidates[:-1]).any():
        raise InvalidInput(
            f"grid must ascend strictly once its candidates are rounded to {values.level_dtype}; thin it out"
        )
    return candidates


def ranges(values: Values, groups: Groups) -> NDArray[np.float64]:
    """Minimum and maximum of each group, `(groups, 2)`.

    Raises:
        InvalidInput: A value is NaN or infinite.
    """
    ends = np.empty((groups.count, 2))
    _native.ranges(values.data.reshape(-1), values.table, groups.native, ends)
    return ends


def enclosing(tables: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tables with their ends moved to these, and the interior levels that still lie between."""
    low, high = ends[:, :1], ends[:, 1:]
    interior = (tables > np.maximum(tables[:, :1], low)) & (tables < np.minimum(tables[:, -1:], high))
    moved = np.where(interior, tables, high)
    return np.sort(np.concatenate([low, moved], axis=1), axis=1)


def compact(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tables without repeated levels, padded with their last one."""
    repeated = tables[:, 1:] <= tables[:, :-1]
    return np.sort(np.concatenate([tables[:, :1], np.where(repeated, tables[:, -1:], tables[:, 1:])], axis=1), axis=1)


def _levels(
    values: Values,
    groups: Groups,
    method: str,
    objective: Objective,
    tables: NDArray[np.float64],
    counts: NDArray[np.int64],
    figures: NDArray[np.float64],
    grid_index: NDArray[np.int64] | None = None,
    axis: int | None = None,
    block: int | None = None,
) -> Levels:
    """Put together what the kernels found; `figures` are error, plain error, norm, binary exponent and gap a group."""
    exponents = figures[:, 3].astype(np.int64)
    top = int(exponents.max())
    with np.errstate(over="ignore", under="ignore"):
        errors, plain, norms = np.ldexp(figures[:, :3].T, exponents - top)
        group_error = np.ldexp(figures[:, 0], exponents)
        total = float(np.ldexp(errors.sum(), top))
    lost = errors > 0
    gap = float((figures[lost, 4] * errors[lost]).sum() / errors.sum()) if lost.any() else 0.0
    several = axis is not None or block is not None
    s = int(counts.max())
    made = tables[:, :s].astype(values.level_dtype)
    return Levels(
        values=made if several else made[0],
        counts=counts if several else None,
        s=s,
        method=method,
        objective=objective,
        axis=axis,
        block=block,
        dtype=values.level_dtype,
        shape=values.shape,
        squared_error=total,
        vnmse=float(plain.sum() / norms.sum()) if norms.any() else 0.0,
        group_squared_error=group_error if several else None,
        gap=None if math.isnan(gap) else gap,
        exact=gap == 0,
        grid_index=None if grid_index is None else (grid_index[:, :s] if several else grid_index[0, :s]),
    )
