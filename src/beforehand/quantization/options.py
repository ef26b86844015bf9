"""The options of levels and codes, and the rule of each."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.quantization.foreign import read_floats

Method = Literal["auto", "exact", "histogram", "uniform", "rotation", "scaled"]
Objective = Literal["unbiased", "mse"]
Outside = Literal["raise", "clip"]
Scale = Literal["float16", "bfloat16", "e8m0"]
MOST_LEVELS = 65536
MOST_VALUES = 2**60  # that any array can have
MOST_THREADS = 1024
SMALLEST_CHUNK, LARGEST_CHUNK = 64, 65536  # values that are rotated together; the largest by default
MOST_SCALED = 256  # levels of a table for scaled blocks
SCALED_BLOCK = 64  # values that share a scale, by default


def whole(name: str, number: int) -> int:
    """The number, which must be whole and not beyond what kernels count in.

    Raises:
        InvalidInput: It is not.
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise InvalidInput(f"{name} is {number!r}, but must be a whole number")
    if not -MOST_VALUES <= number <= MOST_VALUES:
        raise InvalidInput(f"{name} is {shown(number)}, but must be a whole number of at most 2**60")
    return int(number)


def shown(number: int) -> str:
    """The number as messages show it, however long it is."""
    return str(number) if abs(number) < 10**20 else f"about {'-' * (number < 0)}2**{int(number).bit_length() - 1}"


def check_objective(objective: str) -> None:
    """Raise unless there is such an objective."""
    if objective not in get_args(Objective):
        raise InvalidInput(f"objective is {objective!r}, but must be 'unbiased' or 'mse'")


def check_n_levels(n_levels: int, objective: str) -> None:
    """Raise unless a table can have this number of levels."""
    check_objective(objective)
    fewest = 1 if objective == "mse" else 2
    if not fewest <= whole("n_levels", n_levels) <= MOST_LEVELS:
        raise InvalidInput(
            f"n_levels is {n_levels}, but must be from {fewest} to {MOST_LEVELS} for objective={objective!r}"
        )


def check_rotation(n_levels: int, block: int | None) -> None:
    """Raise unless rotated values can have this number of levels and this largest chunk."""
    if not 2 <= whole("n_levels", n_levels) <= 256 or n_levels & (n_levels - 1):
        raise InvalidInput(f"n_levels is {n_levels}, but must be a power of two from 2 to 256 with method='rotation'")
    if block is None or whole("block", block) < SMALLEST_CHUNK or block & (block - 1):
        raise InvalidInput(
            f"block is {block}, but must be a power of two of at least {SMALLEST_CHUNK} with method='rotation'"
        )


def check_scaled(n_levels: int, block: int | None, scale: str | None) -> None:
    """Raise unless scaled blocks can have this table, this length and this type of scale."""
    if not 1 <= whole("n_levels", n_levels) <= MOST_SCALED:
        raise InvalidInput(f"n_levels is {n_levels}, but must be at most {MOST_SCALED} with method='scaled'")
    if block is None or whole("block", block) < 8 or block % 8:
        raise InvalidInput(
            f"block is {block}, but must be a multiple of 8 with method='scaled'; one as long as a row gives each row "
            "a scale"
        )
    if scale not in get_args(Scale):
        raise InvalidInput(f"scale is {scale!r}, but must be one of {', '.join(get_args(Scale))} with method='scaled'")


def check_threads(threads: int) -> None:
    """Raise unless there is at least one thread."""
    if not 1 <= whole("threads", threads) <= MOST_THREADS:
        raise InvalidInput(f"threads is {threads}, but must be at least 1, and at most {MOST_THREADS}")


def check_bins(bins: int) -> None:
    """Raise unless a histogram can have this number of buckets."""
    if not 64 <= whole("bins", bins) <= 65536:
        raise InvalidInput(f"bins is {bins}, but must be from 64 to 65536; take 64 for each level, at least 4096")


def check_certify(certify: bool, method: str, objective: str) -> None:
    """Raise if a lower bound of the error is wanted, but there is none."""
    if certify and (objective != "unbiased" or method in ("uniform", "rotation", "scaled")):
        raise InvalidInput(
            f"certify is given with method={method!r} and objective={objective!r}, but only unbiased levels that are "
            "'exact' or from a 'histogram' have a bound; drop certify"
        )


def check_levels(
    method: str, objective: str, n_levels: int, *, grid: object, bins: int | None, certify: bool, threads: int
) -> None:
    """Raise unless these options of `levels` go together."""
    if method not in get_args(Method):
        raise InvalidInput(f"method is {method!r}, but must be one of {', '.join(get_args(Method))}")
    check_n_levels(n_levels, objective)
    check_threads(threads)
    if bins is not None:
        check_bins(bins)
        if method != "histogram":
            raise InvalidInput(
                f"bins is {bins}, but method={method!r} has no histogram; drop bins or take method='histogram'"
            )
    if grid is not None and (objective != "unbiased" or method != "exact"):
        raise InvalidInput(
            f"grid is given with method={method!r} and objective={objective!r}, but needs 'exact' and 'unbiased'; "
            "drop grid or these options"
        )
    check_certify(certify, method, objective)


def check_below(name: str, value: int, bits: int) -> None:
    """Raise unless the value is an integer of that many bits, as seeds and streams are."""
    if not isinstance(value, int | np.integer) or not 0 <= value < 2**bits:
        given = shown(value) if isinstance(value, int) else repr(value)
        raise InvalidInput(f"{name} is {given}, but must be an int from 0 to 2**{bits} - 1")


def check_encode(*, seed: int | None, stream: int, outside: str, threads: int) -> None:
    """Raise unless these are options of `encode`."""
    if outside not in get_args(Outside):
        raise InvalidInput(f"outside is {outside!r}, but must be 'raise' or 'clip'")
    check_threads(threads)
    check_below("stream", stream, 56)
    if seed is not None:
        check_below("seed", seed, 64)


def ascending(numbers: ArrayLike, name: str = "levels") -> NDArray[np.float64]:
    """Levels, or candidates for them, as an array of float64.

    Raises:
        InvalidInput: They are not numbers, not finite, not 1-D, not at least one, or do not ascend strictly.
    """
    table = read_floats(numbers, f"{name} is", "pass ascending numbers")
    if table.ndim != 1 or table.size == 0:
        raise InvalidInput(
            f"{name} has shape {table.shape}, but must be 1-D and strictly ascending, with at least one number"
        )
    if not np.isfinite(table).all() or (table[1:] <= table[:-1]).any():
        raise InvalidInput(f"{name} must be finite and strictly ascending; pass np.unique({name})")
    return table


def as_grid(grid: ArrayLike, dtype: np.dtype[np.floating]) -> NDArray[np.float64]:
    """Candidates for levels, rounded to the dtype of levels.

    Raises:
        InvalidInput: They do not ascend strictly, before or after rounding.
    """
    with np.errstate(over="ignore"):
        candidates = ascending(grid, "grid").astype(dtype).astype(np.float64) + 0.0
    if not np.isfinite(candidates).all() or (candidates[1:] <= candidates[:-1]).any():
        raise InvalidInput(f"grid must be strictly ascending once it is rounded to {dtype}; thin it out")
    return candidates
