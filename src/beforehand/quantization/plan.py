"""The least error for every byte: designs tried on a sample, the best of them for a budget, and its price."""

import math
import os
import platform
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import check_plan, made_with
from beforehand.core.report import Report, judge
from beforehand.quantization.candidates import (
    OVER,
    WORTH_IT,
    Draws,
    Tried,
    choose,
    fewest,
    frontier,
    measured,
    promising,
    timed,
    weigh,
)
from beforehand.quantization.designs import (
    FEW,
    MANY,
    MOST_BITS,
    Access,
    Asked,
    Design,
    designs,
    knows_nothing,
    lies_across,
    static,
)
from beforehand.quantization.levels import levels
from beforehand.quantization.options import Objective, check_below
from beforehand.quantization.quantization_plan import QuantizationPlan
from beforehand.quantization.vectors import Vectors, VectorsLike

LOOKED_AT, MOST_ALONE = 2**18, 2**10  # values of a sample that designs are tried on, and vectors encoded one by one
FIRST_LOOK = 2**14  # values for a first look at all of them
FEWEST_COLUMNS = 16  # of a sample that is larger, which tables for columns are tried on
GOOD_ENOUGH = 0.01  # vNMSE, where neither bits nor an error are asked for

from_json = QuantizationPlan.from_json  # for `core.load_plan`, where a file does not name its kind


def plan(
    sample: VectorsLike,
    *,
    bits: float | None = None,
    max_vnmse: float | None = None,
    max_bytes: int | None = None,
    objective: Objective = "mse",
    access: Access = "row",
    axis: int | None = None,
    block: int | None = None,
    bytes_per_second: float | None = None,
    seed: int = 0,
) -> QuantizationPlan:
    """Try every way to keep vectors like these, and take the one with the least error for the bytes at hand.

    Tried are: one table of levels for all values, for each row, for each column, or for each block; scaled blocks;
    rotation; each with 1 to 8 bits a code. What knows nothing of the data is tried too, with bytes counted alike: NF4
    and integers in scaled blocks, rotation, equally spaced levels. The strongest of these is the baseline.

    Args:
        sample: Complete vectors: an array of one vector a row, which will be encoded in one go; a list of 1-D arrays,
            each of which will be encoded by itself; or a `Trace` of kind `vectors` with either. Of an array with more
            axes the vectors are the runs along the last.
        bits: Bits a value, perhaps a fraction: codes, tables, scales and header together, which may exceed it by 1 %.
            At most one of `bits`, `max_vnmse` and `max_bytes`; without any, an error of less than 0.01 is looked for.
        max_vnmse: The error allowed; the fewest bits are taken whose interval stays below, and bits saved are a gain.
        max_bytes: Of the whole, if it is as large as the sample.
        objective: `"mse"`, the smallest error, for values that are read; `"unbiased"` for values that are summed.
        access: What must be readable alone: `"row"`, as `decode(codes, rows=)` does; `"element"`, any value, which
            rotation does not allow; `"whole"`, only all together.
        axis: Only tables for each index along this axis; 1 also makes the columns the vectors.
        block: Only blocks of this many values.
        bytes_per_second: The speed of the link that codes travel on. Left out, seconds are reported but not weighed:
            what is stored is written once.
        seed: Of the resampling and of the rounding.

    Guarantee:
        `build().encode(x)` keeps data like the sample with the bits and the error that `expected` tells: squared
        errors over squared norms, of decoded values. The 95 % interval is for the error of another array with as many
        vectors as the sample, or as were looked at: of 200 resamples of half as many, as both arrays vary (under 8
        vectors: the smallest and the largest single one). From 256 vectors on, that of scaled blocks covers how much
        what is found for quarters of them differs, too. An error after rotation is the mean of eight rotations, any
        of which is drawn. `frontier` has the best design for any other number of bits.
        The verdict is *worth it* if the net gain over the baseline is more than 0.1 bits a value in all of the
        interval, *don't bother* if it is that nowhere. But for seconds, the same sample and seed give the same plan.

    Cost:
        Some 200 designs, on 2**18 values if the sample has more, in evenly spread vectors, or in evenly spread columns
            for tables of columns: about 15 seconds.

    Raises:
        InvalidInput: more than one of `bits`, `max_vnmse` and `max_bytes`, or out of range; no design reaches the
            error or the bytes; the sample is empty, not finite, or not made of vectors.

    Example:
        >>> random = np.random.default_rng(0)
        >>> chosen = plan(np.exp(random.standard_normal((64, 1024))), bits=4)
        >>> chosen.verdict
        'worth it'
        >>> codes = chosen.build().encode(np.exp(random.standard_normal((64, 1024))), seed=1)
    """
    _check(bits, max_vnmse, max_bytes, access, bytes_per_second)
    check_below("seed", seed, 64)
    whole = Vectors.read(sample, axis=axis)
    vectors = whole.spread(values=LOOKED_AT, alone=MOST_ALONE)
    asked = Asked(objective, access, axis, block)
    columns = None
    if whole.kept == "rows" and vectors.size < whole.size:
        columns = whole.some_columns(values=LOOKED_AT, least=FEWEST_COLUMNS)
    tried = _try_all(vectors, columns, whole, asked, bytes_per_second is not None, seed)
    limit = math.inf if bits is None else OVER * bits
    goal = GOOD_ENOUGH if bits is max_bytes is max_vnmse is None else max_vnmse
    if max_bytes is not None:
        limit = 8 * max_bytes / whole.size
        if min(each.bits for each in tried) > limit:
            least = min(tried, key=lambda each: each.bits)
            raise InvalidInput(
                f"max_bytes is {max_bytes}, but {least.name} takes {least.bits * whole.size / 8:.0f}; allow more"
            )
    elif bits is not None and min(each.bits for each in tried) > limit:
        least = min(tried, key=lambda each: each.bits)
        raise InvalidInput(f"bits is {bits}, but {least.name} takes {least.bits:.3g} with all that is kept; allow more")
    chosen, baseline = _pick(tried, limit, max_vnmse)
    without = [each for each in tried if knows_nothing(each.codec)]
    shown = list(dict.fromkeys([baseline, *frontier(tried), *frontier(without), chosen]))
    if bytes_per_second is not None:
        shown = list(dict.fromkeys([*shown, *(each for each in tried if each.bits <= limit)]))
    some = shown if bytes_per_second is not None else [baseline, chosen]
    again = dict(zip(some, timed(vectors, some, seed), strict=True))
    shown = [again.get(each, each) for each in shown]
    candidates = [weigh(each, shown[0], bytes_per_second, max_vnmse=goal) for each in shown]
    design = chosen.name
    if bytes_per_second is not None:
        allowed = math.inf if max_vnmse is None else max_vnmse
        able = [each for each in candidates if each.bits <= max(limit, chosen.bits) and each.vnmse.high <= allowed]
        design = max(able or candidates[:1], key=lambda each: each.net_bits.value).design
        names = {each.name for each in [*frontier(shown), *frontier(without)]} | {design, baseline.name}
        candidates = [each for each in candidates if each.design in names]
    return QuantizationPlan(
        design=design,
        candidates=tuple(candidates),
        verdict=judge(next(each for each in candidates if each.design == design).net_bits, WORTH_IT),
        bytes_per_second=bytes_per_second,
        vectors=len(whole),
        values=whole.size,
        seed=seed,
        machine=f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} processors",
        versions=made_with(),
        kept=whole.kept,
        max_vnmse=goal,
    )


def audit(plan: QuantizationPlan, holdout: VectorsLike, *, seed: int = 0) -> Report:
    """Encode and decode vectors that the plan never saw: `plan.audit(holdout, seed=seed)`.

    Raises:
        InvalidInput: `plan` is not a `QuantizationPlan`; and what `QuantizationPlan.audit` raises.
    """
    check_plan(plan, QuantizationPlan)
    return plan.audit(holdout, seed=seed)


def _check(bits: Any, max_vnmse: Any, max_bytes: Any, access: Any, bytes_per_second: Any) -> None:
    given = {"bits": bits, "max_vnmse": max_vnmse, "max_bytes": max_bytes}
    said = {name: value for name, value in given.items() if value is not None}
    if len(said) > 1:
        words = " and ".join(f"{name} is {value}" for name, value in said.items())
        raise InvalidInput(f"{words}, but at most one of bits, max_vnmse and max_bytes may be given")
    for name, value in (said | {"bytes_per_second": bytes_per_second}).items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < math.inf:
            raise InvalidInput(f"{name} is {value!r}, but must be positive and finite; leave it out if there is none")
    if access not in get_args(Access):
        raise InvalidInput(f"access is {access!r}, but must be one of {', '.join(get_args(Access))}")


def _try_all(
    vectors: Vectors, columns: Vectors | None, whole: Vectors, asked: Asked, by_time: bool, seed: int
) -> list[Tried]:
    """Every design, encoded and decoded; those that a first look at fewer values leaves far behind only there."""
    size = whole.size
    most = None if columns is None else len(columns) // (FEW if len(columns) == len(whole) else MANY)
    every: list[Design | Tried] = list(designs(vectors, asked, across=most))
    first = vectors.spread(values=FIRST_LOOK, alone=MOST_ALONE)
    if 2 * first.size < vectors.size:
        across = [each for each in every if lies_across(vectors, each.codec)]
        rough = measured(first, [each for each in every if each not in across], size, seed, turns=1)
        every = [*promising(rough), *across]
    tried = measured(vectors, every, size, seed, columns=columns)
    if by_time and len(vectors) > 1:
        draws = Draws(vectors.norms, seed, ahead=True)
        tried += [_static(vectors, 2**bits, asked, size, draws, seed) for bits in range(1, MOST_BITS + 1)]
    return tried


def _static(vectors: Vectors, n_levels: int, asked: Asked, size: int, draws: Draws, seed: int) -> Tried:
    """One table from the sample, with the error that the table of either half has on the other."""

    def made(part: Vectors) -> Design:
        return static(n_levels, levels(part.pool(), n_levels, objective=asked.objective).values.tolist(), asked)

    first, second = vectors.parts(2)
    crossed = [half.measure(made(other).codec, seed).errors for half, other in ((first, second), (second, first))]
    design = made(vectors)
    done = vectors.measure(design.codec, seed, size=size)
    return Tried(design.name, design.codec, done.bits, draws(np.concatenate(crossed)), done.seconds)


def _pick(tried: Sequence[Tried], limit: float, max_vnmse: float | None) -> tuple[Tried, Tried]:
    """The design for a budget or an error, and the strongest that knows nothing for the same."""
    without = [each for each in tried if knows_nothing(each.codec)]
    if limit < math.inf:
        return choose(tried, limit), choose(without, limit)
    goal = GOOD_ENOUGH if max_vnmse is None else max_vnmse
    chosen = fewest(tried, goal)
    if chosen is None and max_vnmse is not None:
        best = min(tried, key=lambda each: each.vnmse.high)
        raise InvalidInput(
            f"max_vnmse is {max_vnmse}, but {best.name} reaches no less than {best.vnmse.high:.3g}; allow more"
        )
    baseline = fewest(without, goal)
    return chosen or choose(tried, math.inf), baseline or choose(without, math.inf)
