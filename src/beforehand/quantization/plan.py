"""Which levels are worth finding: a design chosen on a sample, and its price."""

import math
import os
import platform
from bisect import bisect_left
from dataclasses import replace
from functools import cache
from typing import Literal, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import made_with
from beforehand.core.report import Report, judge
from beforehand.quantization.candidates import WORTH_IT, choose, draws, outcome, weigh_all
from beforehand.quantization.codec import Codec
from beforehand.quantization.levels import levels
from beforehand.quantization.options import SMALLEST_CHUNK, Objective
from beforehand.quantization.quantization_plan import BASELINES, QuantizationPlan
from beforehand.quantization.theory import Floats
from beforehand.quantization.vectors import Vectors, VectorsLike, expected

Design = Literal["uniform", "static", "histogram", "exact", "rotation"]
Access = Literal["element", "row", "whole"]
MOST_BITS = 8

from_json = QuantizationPlan.from_json  # for `core.load_plan`, where a file does not name its kind


def plan(
    sample: VectorsLike,
    *,
    bits: int | None = None,
    max_vnmse: float | None = None,
    objective: Objective = "unbiased",
    access: Access = "element",
    axis: int | None = None,
    block: int | None = None,
    bytes_per_second: float | None = None,
    seed: int = 0,
) -> QuantizationPlan:
    """Choose how to find levels for vectors like these, and say what that will gain and cost.

    Args:
        sample: Complete vectors: a `Trace` of kind `vectors`, a 2-D array of one vector a row, or a list of 1-D arrays.
            Parts of vectors would promise too much, as the range grows with the length.
        bits: Bits a value, 1 to 8. Exactly one of `bits` and `max_vnmse`.
        max_vnmse: The error allowed; each design takes the fewest bits whose interval stays below.
        objective: `"unbiased"`, or `"mse"` for the smallest error.
        access: What must be readable alone: `"element"`, any value; `"row"`, any row, which is a vector or, with
            `axis=1`, lies across them; `"whole"`, only all together. Rotation is tried where this allows it.
        axis: For a codec that takes whole matrices, whose rows (0) or columns (1) are the vectors.
        block: The number of values of a vector that share a table; for rotation the largest number of values rotated
            together, so that it is tried only if that is a power of two of at least 64.
        bytes_per_second: The speed of the link that codes travel on. Left out, seconds are reported but not weighed:
            what is stored is written once.
        seed: Of the resampling, and of the rounding while time is taken.

    Guarantee:
        `expected` holds the mean vNMSE of the sample's vectors and the 95 % interval of that mean, over 200 resamples
        (under 8 vectors: the smallest and the largest single one). The verdict is *worth it* if the net gain is over
        0.1 bits a value in all of the interval, *don't bother* if it is over that nowhere.

    Cost:
        Each design once over all for the error, and five times over the first 1,024 vectors or 2**20 values for the
        time; about ten passes for what the baseline does with more levels.

    Raises:
        InvalidInput: both or neither of `bits` and `max_vnmse`, or out of range; no design reaches `max_vnmse`; the
            sample is empty, not finite, or not made of vectors.

    Example:
        >>> random = np.random.default_rng(0)
        >>> chosen = plan(np.exp(random.standard_normal((16, 4096))), bits=4)
        >>> chosen.verdict
        'worth it'
        >>> codes = chosen.build().encode(np.exp(random.standard_normal(4096)), seed=1)
    """
    if (bits is None) == (max_vnmse is None):
        raise InvalidInput(f"bits is {bits} and max_vnmse is {max_vnmse}, but exactly one of them must be given")
    if bits is not None and bits not in range(1, MOST_BITS + 1):
        raise InvalidInput(f"bits is {bits}, but must be from 1 to {MOST_BITS}")
    if max_vnmse is not None and not 0 < max_vnmse < math.inf:
        raise InvalidInput(f"max_vnmse is {max_vnmse}, but must be positive and finite")
    if bytes_per_second is not None and not 0 < bytes_per_second < math.inf:
        raise InvalidInput(
            f"bytes_per_second is {bytes_per_second}, but must be positive and finite; leave it out if none"
        )
    if access not in get_args(Access):
        raise InvalidInput(f"access is {access!r}, but must be one of {', '.join(get_args(Access))}")
    vectors = Vectors.read(sample, axis=axis)
    start = Codec(method="uniform", n_levels=2, objective=objective, axis=axis, block=block)

    def static(part: Vectors, s: int) -> Codec:
        table = levels(part.pool(), s, objective=objective)
        return replace(start, method="given", n_levels=table.n_levels, levels=table.values.tolist())

    @cache
    def errors(design: Design, s: int) -> Floats:
        if design == "static":
            first, second = vectors.halves()
            crossed = expected(first, static(second, s), seed), expected(second, static(first, s), seed)
            return draws(np.concatenate(crossed), seed)
        return draws(expected(vectors, replace(start, method=design, n_levels=s), seed), seed)

    offered = range(1, MOST_BITS + 1) if bits is None else range(bits, bits + 1)
    limit = math.inf if max_vnmse is None else max_vnmse

    def fewest_bits(design: Design) -> int:
        """One more than the most if these are not enough. As more bits never err more, by halving."""
        below = bisect_left(offered, True, key=lambda b: outcome(design, errors(design, 2**b)).high < limit)
        return offered.start + below

    designs: list[Design] = ["uniform", "histogram", "exact"]
    if len(vectors) > 1:
        designs.append("static")
    together = access == "whole" or (access == "row" and axis not in (1, -1))
    if together and (block is None or (block >= SMALLEST_CHUNK and block.bit_count() == 1)):
        designs.append("rotation")
    sizes = {design: fewest_bits(design) for design in designs}
    able = [design for design in designs if sizes[design] <= MOST_BITS]
    if not able:
        best = min((outcome(design, errors(design, 2**MOST_BITS)) for design in designs), key=lambda best: best.high)
        raise InvalidInput(
            f"max_vnmse is {max_vnmse}, but {best.design} with {MOST_BITS} bits reaches no less than {best.high:.3g}; "
            "allow more"
        )
    sizes = {design: min(size, MOST_BITS) for design, size in sizes.items()}
    baseline = min(
        (design for design in designs if design in BASELINES),
        key=lambda design: (design not in able, sizes[design], errors(design, 2 ** sizes[design])[0]),
    )
    tried = []
    for design in [baseline, *(other for other in able if other != baseline)]:
        s = 2 ** sizes[design]
        codec = static(vectors, s) if design == "static" else replace(start, method=design, n_levels=s)
        tried.append((design, codec, sizes[design], errors(design, s)))
    candidates = weigh_all(vectors, tried, lambda s: errors(baseline, s), bytes_per_second, seed)
    chosen = choose([each for each in candidates if each.design in able], bytes_per_second)
    return QuantizationPlan(
        design=chosen.design,
        candidates=tuple(candidates),
        verdict=judge(chosen.net_bits, WORTH_IT),
        bytes_per_second=bytes_per_second,
        vectors=len(vectors),
        values=vectors.size,
        seed=seed,
        machine=f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} processors",
        versions=made_with(),
    )


def audit(plan: QuantizationPlan, holdout: VectorsLike, *, seed: int = 0) -> Report:
    """Encode and decode vectors that the plan never saw: `plan.audit(holdout, seed=seed)`."""
    return plan.audit(holdout, seed=seed)
