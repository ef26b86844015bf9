"""Optimal and Near-Optimal Adaptive Vector Quantization (arXiv:2402.03158): what its claims come to here."""

import time
from collections.abc import Callable

import numpy as np

from beforehand.quantization import decode, encode, levels
from beforehand.quantization.theory import Floats, expected_squared_error, grid_bound, mean_estimation_error
from beforehand.reporting import seconds
from beforehand.studies.avq import baselines, tables
from beforehand.studies.claims import Begin, Claim, Found, Study, judge

PAPER_DATA = ("LogN(0,1)", "Normal", "Exp(1)", "TruncNorm[-1,1]")  # its fifth, Weibull(1,1), is Exp(1)
PAPER = (
    "Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: *Optimal and Near-Optimal Adaptive Vector Quantization* "
    "([arXiv:2402.03158](https://arxiv.org/abs/2402.03158))."
)


def lognormal(size: int, seed: int = 0) -> Floats:
    """The paper's first distribution."""
    return tables.DATA["LogN(0,1)"](np.random.default_rng(seed), size)


def optimum_in_time(quick: bool) -> Found:
    """The time of exact levels, sorting included."""
    x = lognormal(2**20).astype(np.float32)
    took = seconds(lambda: levels(x, 16, method="exact"), 1 if quick else 5)
    sort = seconds(lambda: np.sort(x), 5)
    figure = f"{took:.3g} s, the sort of the values included; np.sort alone takes {sort:.2g} s"
    return Found(scale="2^20 float32, s = 16", figure=figure, holds=took <= 0.1, direction=took < 1)


def near_optimum_in_time(quick: bool) -> Found:
    """The time of levels from a histogram, and how it grows."""
    took = {}
    for power in (20, 22):
        x = lognormal(2**power).astype(np.float32)
        took[power] = seconds(lambda x=x: levels(x, 16, method="histogram"), 3 if quick else 9)  # type: ignore[misc]
    growth = took[22] / took[20]
    figure = f"{took[20] * 1e3:.1f} ms for 2^20; {growth:.1f} times that for 2^22"
    linear = growth <= 4.4
    return Found(
        scale="2^20 and 2^22 float32, s = 16", figure=figure, holds=linear and took[20] <= 4e-3, direction=linear
    )


def faster_than_zipml(quick: bool) -> Found:
    """The plain dynamic program at sizes that it can bear, and extrapolated."""
    powers = (9, 10, 11) if quick else (10, 11, 12)
    times, ours, same = [], 0.0, True
    for power in powers:
        x = np.sort(lognormal(2**power))
        times.append(seconds(lambda x=x: baselines.zipml(x, 16), 2))  # type: ignore[misc]
        ours = seconds(lambda x=x: levels(x, 16, method="exact"), 9)  # type: ignore[misc]
        same &= abs(baselines.zipml(x, 16)[1] / levels(x, 16, method="exact").squared_error - 1) < 1e-9
    slope = float(np.polyfit(powers, np.log2(times), 1)[0])
    ratio, far = times[-1] / ours, []
    for power in (16, 20):
        x = lognormal(2**power)
        there = times[-1] * 4.0 ** (power - powers[-1])
        here = seconds(lambda x=x: levels(x, 16, method="exact"), 1 if quick else 3)  # type: ignore[misc]
        far.append(f"{_round(there / here)} at 2^{power}")
    figure = (
        f"{_round(ratio)} times as fast at 2^{powers[-1]}, where both find the same error; time of the program grows "
        f"as d^{slope:.2f}; extrapolated by d^2, not measured: {', '.join(far)} times"
    )
    return Found(
        scale=f"2^{powers[0]} to 2^{powers[-1]}, s = 16", figure=figure,
        holds=same and ratio >= 100 and 1.7 <= slope <= 2.4, direction=same and ratio > 1,
    )  # fmt: skip


def middle_in_closed_form(quick: bool) -> Found:
    """One interior level by formula against trying every place, both in numpy on sorted values."""
    x = np.sort(lognormal(2**18 if quick else 2**20))
    scan, formula = baselines.best_middle_by_scan(x), baselines.best_middle_in_closed_form(x)
    costs = [expected_squared_error(x, x[[0, place, -1]]) for place in (scan, formula)]
    same = abs(costs[0] / costs[1] - 1) < 1e-9
    by_scan = seconds(lambda: baselines.best_middle_by_scan(x), 3)
    ratio = by_scan / seconds(lambda: baselines.best_middle_in_closed_form(x), 3)
    return Found(
        scale=f"2^{x.size.bit_length() - 1} sorted, s = 3",
        figure=f"the formula is {_round(ratio)} times as fast as trying every place; more levels at once do not pay "
        "here, where a layer reads memory in order",
        holds=same and ratio >= 5.4, direction=same and ratio > 1,
    )  # fmt: skip


def linear_grid_is_near_optimal(quick: bool) -> Found:
    """The error of levels on an equally spaced grid over the optimum, the worst of all seeds."""
    power, seeds = (16, 2) if quick else (20, 5)
    sizes = (100, 400, 1000)
    worst = {data: dict.fromkeys(sizes, 1.0) for data in PAPER_DATA}
    for data, ratios in worst.items():
        for seed in range(seeds):
            x = tables.DATA[data](np.random.default_rng(seed), 2**power)
            best = levels(x, 16, method="exact").squared_error
            for m in sizes:
                grid = np.linspace(x.min(), x.max(), m + 1)
                ratios[m] = max(ratios[m], levels(x, 16, method="exact", grid=grid).squared_error / best)
    listed = [f"{data} {' / '.join(f'{ratios[m]:.4f}' for m in sizes)}" for data, ratios in worst.items()]
    most = {m: max(ratios[m] for ratios in worst.values()) for m in sizes}
    return Found(
        scale=f"2^{power}, {seeds} seeds, s = 16",
        figure=f"error over optimum at m = 100 / 400 / 1000, at most: {', '.join(listed)}",
        holds=most[400] <= 1.02 and most[1000] <= 1.005, direction=most[1000] < most[400] < most[100],
    )  # fmt: skip


def lemma_holds(quick: bool) -> Found:
    """Levels on a grid, twice as many less two, against the bound of the lemma."""
    random, held, nearest = np.random.default_rng(0), 0, 0.0
    kinds = list(tables.DATA)
    for case in range(200):
        x = tables.DATA[kinds[case % len(kinds)]](random, int(random.integers(20, 2000)))
        s, m = int(random.integers(2, 13)), int(random.integers(10, 500))
        near = levels(x, 2 * s - 2, method="exact", grid=np.linspace(x.min(), x.max(), m + 1)).squared_error
        bound = levels(x, s, method="exact").squared_error + grid_bound(x.size, float(np.ptp(x)), m)
        held += near <= bound * (1 + 1e-12)
        nearest = max(nearest, near / bound)
    figure = f"holds in {held} of 200 cases; at the nearest the error is {nearest:.2f} of the bound"
    return Found(scale="200 random cases, s = 2 to 12", figure=figure, holds=held == 200)


def adaptive_levels_win(quick: bool) -> Found:
    """The vNMSE of each method's ten levels, and of eleven for those that need an odd number."""
    x = lognormal(2**18)
    norm = float(np.sum(x**2))
    uniform = np.linspace(x.min(), x.max(), 10)
    found = {
        "adaptive": levels(x, 10, method="exact").vnmse,
        "nearest uniform": expected_squared_error(x, uniform, objective="mse") / norm,
        "uniform": expected_squared_error(x, uniform) / norm,
        "NUQSGD": expected_squared_error(x, baselines.nuqsgd(x, 11)) / norm,
        "QSGD": expected_squared_error(x, baselines.qsgd(x, 11)) / norm,
    }
    factor = found["uniform"] / found["adaptive"]
    listed = ", ".join(f"{name} {vnmse:.3g}" for name, vnmse in found.items())
    first = min(found, key=lambda name: found[name]) == "adaptive"
    return Found(
        scale="2^18, LogN(0,1), s = 10", figure=f"vNMSE: {listed}; {_round(factor)} times below uniform",
        holds=first and factor >= 10, direction=first,
    )  # fmt: skip


def unbiased_wins_with_many_senders(quick: bool) -> Found:
    """The error of the mean of what many senders make of one vector."""
    x, workers = lognormal(2**14), 2 ** np.arange(7)
    norm = float(np.sum(x**2))
    unbiased, biased = (levels(x, 10, method="exact", objective=to) for to in ("unbiased", "mse"))
    total, errors = np.zeros(x.size), []
    for sender in range(workers[-1]):
        total += decode(encode(x, unbiased, seed=0, stream=sender))
        if sender + 1 in workers:
            errors.append(float(np.sum((total / (sender + 1) - x) ** 2)) / norm)
    flat = float(np.sum((decode(encode(x, biased)) - x) ** 2)) / norm  # without chance: the same for all senders
    slope = float(np.polyfit(np.log(workers), np.log(errors), 1)[0])
    crossing = next(n for n in range(1, 65) if mean_estimation_error(unbiased.vnmse, n) < flat)
    figure = (
        f"error falls as n^{slope:.3f}; the biased optimum stays at {flat:.3g} and is beaten from n = {crossing} on"
    )
    return Found(
        scale="2^14, s = 10, 1 to 64 senders", figure=figure, holds=abs(slope + 1) <= 0.1 and crossing <= 8,
        direction=errors[-1] < flat,
    )  # fmt: skip


def weights_are_cheap(quick: bool) -> Found:
    """The time of exact levels with weights over that without."""
    x = lognormal(2**20).astype(np.float32)
    weights = np.random.default_rng(1).uniform(0.5, 2, x.size)
    repeats = 1 if quick else 5
    plain = seconds(lambda: levels(x, 16, method="exact"), repeats)
    ratio = seconds(lambda: levels(x, 16, method="exact", weights=weights), repeats) / plain
    figure = f"{ratio:.2f} times the time without weights, the sort of the pairs included"
    return Found(scale="2^20 float32, s = 16", figure=figure, holds=ratio <= 1.5, direction=ratio <= 3)


def lloyd_max_comes_out(quick: bool) -> Found:
    """Exact k-means of normal draws against the optimal quantizer of the normal distribution."""
    x = np.random.default_rng(0).standard_normal(2**20 if quick else 2**22)
    found = {
        bits: -10 * np.log10(levels(x, 2**bits, method="exact", objective="mse").vnmse) for bits in tables.LLOYD_MAX
    }
    off = max(abs(found[bits] - known) for bits, known in tables.LLOYD_MAX.items())
    figure = f"{' / '.join(f'{db:.3f}' for db in found.values())} dB, at most {off:.3f} off"
    return Found(scale=f"2^{x.size.bit_length() - 1} normal draws", figure=figure, holds=bool(off <= 0.02))


CLAIMS: tuple[tuple[Claim, Callable[[bool], Found]], ...] = (
    (
        Claim(
            says="The optimum for a million values and 16 levels takes less than a second.",
            source="abstract, figures of run time", requires="at most 0.1 s, sorting included",
        ),
        optimum_in_time,
    ),
    (
        Claim(
            says="A near-optimum of 2^20 values takes 6 ms, of 2^24 about 70 ms.",
            source="figures of run time", requires="at most 4 ms at 2^20, and time that grows with d",
        ),
        near_optimum_in_time,
    ),
    (
        Claim(
            says="Up to four orders of magnitude faster than ZipML's dynamic program, which takes O(s d^2) time.",
            source="figures of run time", requires="100 times as fast at 2^12, and time of the program as d^2",
        ),
        faster_than_zipml,
    ),
    (
        Claim(
            says="Placing two levels at a time in closed form is up to 5.4 times as fast (s = 3).",
            source="accelerated QUIVER", requires="nothing: reported; reproduced from 5.4 times on",
        ),
        middle_in_closed_form,
    ),
    (
        Claim(
            says="A histogram of m >= 400 equal bins is near-optimal.",
            source="figures over m = 100 to 1000", requires="error over optimum 1.02 at m = 400, 1.005 at 1000",
        ),
        linear_grid_is_near_optimal,
    ),
    (
        Claim(
            says="2s - 2 levels on a grid cost at most d (max - min)^2 / (4 m^2) more than the best s levels.",
            source="Lemma 6.1", requires="holds always",
        ),
        lemma_holds,
    ),
    (
        Claim(
            says="Adaptive levels beat uniform ones, QSGD, NUQSGD and rounding to the nearest.",
            source="figure 1 (10 million values)", requires="the smallest error; a tenth of that of uniform levels",
        ),
        adaptive_levels_win,
    ),
    (
        Claim(
            says="With many senders the mean of unbiased codes wins over that of the biased optimum.",
            source="figure 1", requires="error as n^-1 to 0.1 in the exponent; a crossing at 8 senders or fewer",
        ),
        unbiased_wins_with_many_senders,
    ),
    (
        Claim(
            says="Weights cost 10 to 20 % more time.",
            source="appendix on weights", requires="at most 1.5 times, the sort of pairs included",
        ),
        weights_are_cheap,
    ),
    (
        Claim(
            says="The best 2, 4, 8 and 16 levels of a normal distribution reach 4.40, 9.30, 14.62 and 20.22 dB.",
            source="Max 1960, Lloyd 1982", requires="exact k-means within 0.02 dB",
        ),
        lloyd_max_comes_out,
    ),
)  # fmt: skip
TABLE = Claim(
    says="Adaptive levels are evaluated on lognormal, normal, exponential, truncated normal and Weibull data.",
    source="section on experiments; figures only, without numbers",
    requires="every mean of the table below as known to us, to its digits",
)


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return len(CLAIMS) + len(tables.names(quick))


def run(*, quick: bool = False, begin: Begin = lambda what: None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some ten seconds instead of one or two minutes.
        begin: Hears what begins, `steps` times.
    """
    start, findings = time.thread_time(), []
    for claim, measure in CLAIMS:
        begin(claim.says)
        findings.append(judge(claim, measure(quick)))
    means = tables.measure(quick, begin)
    findings.append(judge(TABLE, tables.agreement(means)))
    return Study(
        name="AVQ",
        paper=PAPER,
        command="beforehand reproduce avq" + (" --quick" if quick else ""),
        findings=findings,
        sheets=[tables.sheet(means), tables.winners(means)],
        seconds=time.thread_time() - start,
    )


def _round(ratio: float) -> str:
    """Two digits of a ratio that is measured."""
    return f"{float(f'{ratio:.2g}'):,.0f}" if ratio >= 10 else f"{ratio:.2g}"
