"""Learned Space Saving (arXiv:2406.16270): its claims, checked with what we reconstruct of it."""

import time

import numpy as np

from beforehand.studies.claims import Begin, Claim, Found, Study, judge
from beforehand.studies.lss import baselines, runs
from beforehand.studies.lss.baselines import Floor, Sketched
from beforehand.studies.lss.runs import Run, at, ratios

PAPER = (
    "*Learning-Based Heavy Hitters and Flow Frequency Estimation in Streams* "
    "([arXiv:2406.16270](https://arxiv.org/abs/2406.16270)). Of the paper the abstract, the start of the introduction "
    "and a summary by others were at hand, no pseudo-code, no parameters and no figures: `lss` and `lss+` are "
    "**reconstructions of the idea**, and a claim that does not hold here may hold for the original. With claims of "
    "Hsu, Indyk, Katabi, Vakilian: *Learning-Based Frequency Estimation Algorithms* (ICLR 2019), and one of ours."
)
CLAIMS = (
    Claim(
        says="Keys that come rarely dominate streams with Zipf's frequencies.",
        source="LSS, figure 1",
        requires="Zipf 1: at least half of the distinct keys come fewer than 5 times",
    ),
    Claim(
        says="LSS improves top-k precision, recall and RMSE on Space Saving.",
        source="LSS, abstract",
        requires="`lss+` with a noisy predictor on Zipf: RMSE at most .35 of exact's, recall@1000 higher; shown beside "
        "what needs no predictor",
    ),
    Claim(
        says="It is robust to wrong predictions.",
        source="LSS, summary",
        requires="no bound violated; RMSE of `calibrated` at most 1.1 of gated's with a random or an inverted "
        "predictor, of `lss+` at most 1.3 and 3",
    ),
    Claim(
        says="LSS+ is faster than LSS.",
        source="LSS, summary",
        requires="with predictors learned from the past: fewer keys asked about, and at least as many items a second, "
        "predicting included",
    ),
    Claim(
        says="A counting Bloom filter that is never cleared makes better use of the memory.",
        source="our reconstruction of LSS",
        requires="`lss` with predictors learned from the past: RMSE below exact's, both by `mid`",
    ),
    Claim(
        says="Precision and recall bound what a predictor can gain.",
        source="ours, derived for random order",
        requires="floors as replayed within 10 % of `theory.learned_gain`, or 2 arrivals; pinning never below no pins",
    ),
    Claim(
        says="Exact counters for predicted heavy keys make Count-Min better.",
        source="Hsu et al., ICLR 2019",
        requires="the error weighted by counts, as theirs, below that of plain Count-Min alone; RMSE and conservative "
        "updates are shown beside it",
    ),
)


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return len(runs.scale(quick).alphas) + 4


def run(*, quick: bool = False, begin: Begin = lambda what: None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some seconds instead of some minutes.
        begin: Hears what begins, `steps` times.
    """
    start = time.thread_time()
    scale = runs.scale(quick)
    measured: list[Run] = []
    for alpha in scale.alphas:
        begin(f"Zipf {alpha:g} under every policy")
        stream = runs.zipf(scale.arrivals, alpha)
        if alpha == 1:
            light = light_keys_dominate(stream)
        measured += runs.measure(stream, scale.kilobytes)
    for name, stream in zip(("flows", "code tokens"), runs.real(scale, quick), strict=True):
        begin(f"{name} under every policy")
        measured += runs.measure(stream, scale.kilobytes)
    begin("floors under predictions")
    floors = baselines.floors(quick)
    begin("Count-Min beside exact counters")
    sketches = baselines.sketches(quick)
    found = (
        light,
        improves_on_space_saving(measured, str(scale)),
        is_robust(measured, str(scale)),
        plus_is_faster(measured),
        filter_helps(measured),
        precision_and_recall_bound_the_gain(floors),
        exact_counters_help(sketches),
    )
    return Study(
        name="LSS",
        paper=PAPER,
        command="beforehand reproduce lss" + (" --quick" if quick else ""),
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=[runs.sheet(measured), baselines.floor_sheet(floors), baselines.sketch_sheet(sketches)],
        seconds=time.thread_time() - start,
    )


def light_keys_dominate(stream: runs.Stream) -> Found:
    """How many keys come how often."""
    _, counts = np.unique(stream.keys, return_counts=True)
    share = float(np.mean(counts < 5))
    return Found(
        scale=f"{len(stream.keys):.0e} arrivals over 1e6 keys".replace("e+0", "e"),
        figure=f"{100 * share:.0f} % of {counts.size:,} distinct keys come fewer than 5 times",
        holds=share >= 0.5,
    )


def improves_on_space_saving(measured: list[Run], scale: str) -> Found:
    """LSS+ beside Space Saving, and beside what needs no predictor."""
    plus = [run for run in measured if run.policy == "lss+" and run.said == "noisy"]
    errors, recalls = [], []
    others: dict[str, list[float]] = {policy: [] for policy in runs.PLAIN if policy != "exact"}
    for run in plus:
        exact = at(measured, run.stream, run.kilobytes, "exact")
        errors.append(run.rmse / exact.rmse)
        recalls.append((exact.recall, run.recall))
        for policy, shares in others.items():
            shares.append(at(measured, run.stream, run.kilobytes, policy).rmse / exact.rmse)
    listed = ", ".join(f"{policy} {_span(shares)}" for policy, shares in others.items())
    (plain, learned), worst = recalls[0], min(recalls, key=lambda pair: pair[1] - pair[0])
    return Found(
        scale=scale,
        figure=f"RMSE {_span(errors)} of exact's, recall@1000 {learned:.3f} against {plain:.3f} at "
        f"{plus[0].kilobytes} KiB, and at worst {worst[1]:.3f} against {worst[0]:.3f}; without a predictor: {listed}",
        holds=max(errors) <= 0.35 and worst[1] >= worst[0],
        direction=max(errors) < 1,
    )


def is_robust(measured: list[Run], scale: str) -> Found:
    """Bounds, and errors under predictors that know nothing or the opposite."""
    violations = sum(run.violations for run in measured)
    shares = {(policy, said): ratios(measured, policy, said, "gated") for policy in ("calibrated", "lss+")
              for said in ("random", "inverted")}  # fmt: skip
    listed = ", ".join(f"{policy} {said} {_span(found)}" for (policy, said), found in shares.items())
    most = {"calibrated": (1.1, 1.1), "lss+": (1.3, 3)}
    holds = all(max(shares[policy, said]) <= limit for policy, limits in most.items()
                for said, limit in zip(("random", "inverted"), limits, strict=True))  # fmt: skip
    return Found(
        scale=scale,
        figure=f"{violations} bounds violated; RMSE of gated's: {listed}",
        holds=violations == 0 and holds,
        direction=violations == 0 and max(shares["calibrated", "random"] + shares["calibrated", "inverted"]) <= 1.1,
    )


def plus_is_faster(measured: list[Run]) -> Found:
    """Keys asked about, and items a second with the predictor's time."""
    asked, speed = (ratios(measured, "lss+", None, "lss", what) for what in ("asked", "items_per_second"))
    return Found(
        scale="flows and code tokens",
        figure=f"{_span(asked, 3)} of the keys asked about, {_span(speed)} of the items a second",
        holds=max(asked) < 1 and min(speed) >= 1,
        direction=max(asked) < 1 and float(np.mean(speed)) >= 1,
    )


def filter_helps(measured: list[Run]) -> Found:
    """LSS beside Space Saving in the same memory."""
    shares = ratios(measured, "lss", None, "exact by mid")
    return Found(
        scale="flows and code tokens",
        figure=f"RMSE {_span(shares)} of exact's; the filter takes a quarter of the memory, and once "
        "more light keys have come than it has cells, it lets everything pass",
        holds=max(shares) < 1,
        direction=float(np.mean(shares)) < 1,
    )


def precision_and_recall_bound_the_gain(floors: list[Floor]) -> Found:
    """Replayed floors beside the formula."""
    off = [abs(each.replayed - each.formula) * each.plain for each in floors]
    near = [each_off <= max(2.0, 0.1 * each.formula * each.plain) for each, each_off in zip(floors, off, strict=True)]
    pinned = min(each.replayed for each in floors if each.use == "pin")
    alone, clairvoyant = (
        next(each.replayed for each in floors if (each.use, each.recall) == ("filter", recall)) for recall in (0, 1)
    )
    return Found(
        scale=f"{len(floors)} cases",
        figure=f"{sum(near)} of {len(floors)} floors are that near; pins leave {pinned:.2f} of the floor at least; on "
        f"Zipf 1 a filter without a predictor leaves {alone:.2f}, with a clairvoyant {clairvoyant:.2f}",
        holds=all(near) and pinned >= 1,
        direction=pinned >= 1,
    )


def exact_counters_help(sketches: list[Sketched]) -> Found:
    """Both kinds of Count-Min, with predictions over without."""
    plain, conservative = ([each for each in sketches if each.conservative == kind] for kind in (False, True))
    errors = [each.weighted_error for each in plain]
    return Found(
        scale="Zipf 1",
        figure=f"weighted error {_span(errors)} of plain Count-Min's, RMSE {_span([each.rmse for each in plain])}; "
        f"with conservative updates {_span([each.weighted_error for each in conservative])} and "
        f"{_span([each.rmse for each in conservative])}",
        holds=max(errors) < 1,
        direction=min(errors) < 1,
    )


def _span(values: list[float], digits: int = 2) -> str:
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"
