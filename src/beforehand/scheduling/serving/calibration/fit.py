"""How long an engine's iterations take, from those that were measured."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_profile import EngineProfile, saturation_of
from beforehand.scheduling.serving.calibration.non_negative import Floats, non_negative_least_squares

GRID: Final = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192)
LEAST_ROWS, LEAST_SIZES = 50, 8
OUTLIERS: Final = 5.0  # median absolute deviations
LEAST_DEVIATION: Final = 1e-6  # relative: rounding makes no outliers where rows fit exactly
SHORTEST: Final = 1e-9  # seconds, where all time is explained by what an iteration computes
HELD_OUT: Final = 0.2  # the share of rows, the last ones, whose times the profile has to predict
COLUMNS: Final = ("new_tokens", "context_tokens", "prefill_pairs", "seconds")


class StepTimes(NamedTuple):
    """The duration of an iteration as a function of what it computes."""

    tokens: NDArray[np.int64]
    seconds: Floats
    per_context_token: float
    per_prefill_pair: float

    def predict(self, steps: NDArray[np.float64]) -> Floats:
        """Seconds of each row of new tokens, context tokens and prefill pairs."""
        found: Floats = _design(steps, self.tokens) @ np.concatenate(
            (self.seconds[:1], np.diff(self.seconds) / np.diff(self.tokens), self[2:])
        )
        return found


def fit_profile(
    new_tokens: ArrayLike,
    context_tokens: ArrayLike,
    prefill_pairs: ArrayLike,
    seconds: ArrayLike,
    *,
    name: str,
    kv_bytes_per_token: int,
    kv_tokens: int,
    saturation: int | None = None,
    source: str = "measured steps",
    **fields: Any,
) -> EngineProfile:
    """The profile of an engine from iterations that were timed, in the order in which they ran.

    Args:
        new_tokens: Tokens that each iteration computed, from 1.
        context_tokens: Tokens in the KV cache of all requests that decoded in it.
        prefill_pairs: Over its prefill tokens the sum of the tokens that each attends to.
        seconds: How long each took, above 0.
        name: Of the profile.
        kv_bytes_per_token: Bytes of KV cache for one token, in all layers.
        kv_tokens: Tokens that the KV cache holds.
        saturation: New tokens an iteration beyond which throughput stops growing. None: as `saturation_of` finds it
            on the grid. For an engine whose time is affine in the tokens that depends on where the measurements end,
            so give it.
        source: Where the rows are from.
        **fields: Other fields of `EngineProfile`, such as `block_size` or `swap_latency`.

    Guarantee:
        The time of an iteration never falls with more tokens, context or pairs. `error_p50` and `error_p95` are the
        median and the 95th percentile of the relative error on the last fifth of the rows, by a fit to those before
        them; the profile is then fitted to all. Rows further from the fit than five median absolute deviations of those
        with about as many tokens, such as iterations that another process disturbed, are left out of it, but count in
        the errors.

    Cost:
        Half a second for 65,536 rows.

    Raises:
        InvalidInput: there are fewer than 50 rows or 8 different numbers of new tokens; a value is out of range; the
            columns are not of one length.

    Example:
        >>> n = np.tile(np.arange(1, 65), 2)
        >>> seconds = 0.01 + 1e-4 * n
        >>> profile = fit_profile(n, 0 * n, 0 * n, seconds, name="mine", kv_bytes_per_token=10**5, kv_tokens=10_000)
        >>> round(float(profile.step_seconds(100)), 6)
        0.02
    """
    columns = dict(zip(COLUMNS, (new_tokens, context_tokens, prefill_pairs, seconds), strict=True))
    steps, times = _checked(columns)
    fitted = fit_steps(steps[: _training(len(times))], times[: _training(len(times))])
    held_out = slice(_training(len(times)), None)
    errors = np.abs(fitted.predict(steps[held_out]) / times[held_out] - 1)
    whole = fit_steps(steps, times)
    return EngineProfile(
        name,
        tokens=whole.tokens,
        seconds=whole.seconds,
        seconds_per_context_token=whole.per_context_token,
        seconds_per_prefill_pair=whole.per_prefill_pair,
        saturation=saturation_of(whole.tokens, whole.seconds) if saturation is None else saturation,
        kv_bytes_per_token=kv_bytes_per_token,
        kv_tokens=kv_tokens,
        source=source,
        error_p50=float(np.median(errors)),
        error_p95=float(np.quantile(errors, 0.95)),
        **fields,
    )


def fit_steps(steps: Floats, seconds: Floats) -> StepTimes:
    """The step times that fit these rows best, relative to the time each took, without those that are far off.

    Args:
        steps: Rows of new tokens, context tokens and prefill pairs.
        seconds: What each took, above 0.
    """
    grid = grid_points(steps[:, 0])
    design = _design(steps, grid)
    found = non_negative_least_squares(design / seconds[:, None], np.ones(len(seconds)))
    fitted = np.maximum(design @ found, SHORTEST)
    kept = _plausible(fitted / seconds - 1, np.searchsorted(grid, steps[:, 0]))
    # Relative to the fitted times now: relative to the measured ones, slow rows count less than fast ones.
    weighted = design[kept] / fitted[kept, None]
    found = non_negative_least_squares(weighted, seconds[kept] / fitted[kept])
    slopes = found[1 : len(grid)]
    at_grid = found[0] + np.concatenate(([0.0], np.cumsum(slopes * np.diff(grid))))
    return StepTimes(grid, np.maximum(at_grid, SHORTEST), float(found[-2]), float(found[-1]))


def grid_points(new_tokens: Floats) -> NDArray[np.int64]:
    """Where the step times may bend: numbers of `GRID` that the rows reach, with a row between each two."""
    sizes = np.unique(new_tokens)
    if len(sizes) == 1:
        return sizes.astype(np.int64)
    inside = [point for point in GRID if sizes[0] <= point <= sizes[-1]]
    if len(inside) < 2:
        inside = [int(sizes[0]), int(sizes[-1])]
    kept = inside[:1]
    for point in inside[1:]:
        if ((sizes > kept[-1]) & (sizes <= point)).any():  # else no row would say how steep it is there
            kept.append(point)
    return np.array(kept, dtype=np.int64)


def _design(steps: Floats, grid: NDArray[np.int64]) -> Floats:
    """A column for the time at the first point of the grid, one for each stretch, for context and for pairs."""
    beyond = np.maximum(steps[:, :1] - grid[:-1], 0.0)
    beyond[:, :-1] = np.minimum(beyond[:, :-1], np.diff(grid)[:-1])  # the last stretch goes on for ever
    return np.column_stack((np.ones(len(steps)), beyond, steps[:, 1:]))


def _plausible(residual: Floats, stretch: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The rows that are no outliers among those of their stretch of the grid.

    Not among all: decoding alone fills most logs and varies little, so that every prefill would be an outlier.
    """
    kept = np.ones(len(residual), dtype=np.bool_)
    for each in np.unique(stretch):
        rows = stretch == each
        off = np.abs(residual[rows] - np.median(residual[rows]))
        kept[rows] = off <= OUTLIERS * max(float(np.median(off)), LEAST_DEVIATION)
    return kept


def _training(rows: int) -> int:
    return rows - max(round(HELD_OUT * rows), 1)


def _checked(columns: dict[str, ArrayLike]) -> tuple[Floats, Floats]:
    """Rows of what iterations computed, and what they took.

    Raises:
        InvalidInput: the columns differ in length, are too short, or hold what is out of range.
    """
    table = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    shapes = {name: column.shape for name, column in table.items()}
    if len(set(shapes.values())) != 1 or len(shapes["seconds"]) != 1:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InvalidInput(f"the shapes are {found}, but must be one number a step in each; pass equally many")
    for name, column in table.items():
        least = {"new_tokens": 1.0, "seconds": np.nextafter(0, 1)}.get(name, 0.0)
        bad = np.flatnonzero(~((column >= least) & (column < 1e18)))
        if bad.size:
            rule = {"new_tokens": "at least 1", "seconds": "above 0"}.get(name, "at least 0")
            raise InvalidInput(
                f"{name} is {column[bad[0]]:g} in step {bad[0]}, but must be finite and {rule}; leave the step out"
            )
    rows, sizes = len(table["seconds"]), len(np.unique(table["new_tokens"]))
    if rows < LEAST_ROWS or sizes < LEAST_SIZES:
        raise InvalidInput(
            f"there are {rows} steps with {sizes} different numbers of new tokens, but a fit needs {LEAST_ROWS} and "
            f"{LEAST_SIZES}; record more"
        )
    return np.column_stack([table[name] for name in COLUMNS[:3]]), table["seconds"]
