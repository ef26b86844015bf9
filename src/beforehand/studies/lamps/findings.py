"""What each claim comes to."""

import math
from dataclasses import replace
from typing import Any, Final

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import (
    Always,
    Boosted,
    Handling,
    InferCept,
    MinWaste,
    TimeToLive,
    ToolCalls,
    ToolDurations,
)
from beforehand.studies.claims import Found
from beforehand.studies.lamps.contenders import (
    ELAPSED,
    LENGTH,
    ORACLE,
    SHORTEST,
    STOCK,
    SWAPPING,
    TIER,
    WASTE,
    WHOLE,
    Contender,
    Make,
    with_host,
)
from beforehand.studies.lamps.engines import ENGINES, GPTJ
from beforehand.studies.lamps.errors import Disturbed, Inverted
from beforehand.studies.lamps.runs import Runs
from beforehand.studies.lamps.scale import Scale
from beforehand.studies.lamps.waste import filled, wasted_over_least
from beforehand.studies.lamps.whole import WholeConversation
from beforehand.studies.mars_released import MarsReleased

THRESHOLDS: Final = (10.0, 100.0, 1000.0, 10_000.0, math.inf)
ERRORS: Final = (0.05, 0.2, 0.6)
CONVERSATION: Final = with_host(
    "LAMPS on the whole conversation",
    Make(lambda trace, seed, engine: Boosted(WholeConversation(trace, engine.profile))),
)


def below_infercept(runs: Runs, scale: Scale) -> Found:
    """L1: how far below INFERCEPT, in latency and in time to the first token."""
    told, least = [], []
    for engine in ENGINES:
        cells = []
        for load, rate in scale.rates(engine).items():
            elapsed, known, stock = (
                runs.against(engine, rate, WHOLE, base, scale.seeds_at(load)) for base in (ELAPSED, ORACLE, STOCK)
            )
            cells.append(
                f"{load} {_saved(elapsed.mean.value)} (first token {_saved(elapsed.ttft.value)}; with known durations "
                f"{_saved(known.mean.value)}; stock HTTP {_saved(stock.mean.value)})"
            )
        least.append(elapsed.mean.value)  # past the knee
        told.append(f"{engine.name}: {', '.join(cells)}")
    return Found(scale=str(scale), figure="; ".join(told), holds=max(least) <= 0.73, direction=max(least) < 1)


def handling_alone(runs: Runs, scale: Scale) -> Found:
    """L2: choosing a handling without an order."""
    found = [runs.against(engine, scale.past(engine), WASTE, TIER, scale.seeds) for engine in ENGINES]
    figure = "; ".join(f"{engine.name} {each.mean}" for engine, each in zip(ENGINES, found, strict=True))
    return Found(
        scale=str(scale),
        figure=f"over swap always: {figure}",
        holds=all(abs(each.mean.value - 1) <= 0.06 for each in found),
        direction=all(each.mean.value > 0.9 for each in found),
    )


def disturbed(name: str, error: Any) -> Contender:
    """The system with predictions of lengths and durations that err."""
    make = Make(lambda trace, seed, engine: error(seed))
    later = Make(lambda trace, seed, engine: error(seed + 1000))
    return replace(WHOLE, name=f"{WHOLE.name}, {name}", options={**WHOLE.options, "lengths": make, "durations": later})


def wrong_predictions(runs: Runs, scale: Scale) -> tuple[Found, Sheet]:
    """L3: predictions that err, and predictions turned around."""
    exact = disturbed("no error", lambda seed: Disturbed(0.0, seed))
    shares = ERRORS[-1:] if scale.quick else ERRORS
    noisy = {
        f"{share:.0%} error": disturbed(f"{share:.0%} error", lambda seed, s=share: Disturbed(s, seed))
        for share in shares
    }
    inverted = disturbed("inverted", lambda seed: Inverted())
    rows, worst, turned = [], 0.0, 0.0
    for engine in ENGINES:
        for name, each in {"no error": exact, **noisy, "inverted": inverted}.items():
            over_exact = runs.against(engine, scale.past(engine), each, exact, scale.few)
            over_fcfs = runs.against(engine, scale.past(engine), each, TIER, scale.few)
            rows.append([engine.name, name, str(over_exact.mean), str(over_fcfs.mean), str(over_fcfs.p99)])
            if name == "60% error":
                worst = max(worst, over_exact.mean.value)
            if each is inverted:
                turned = max(turned, over_fcfs.mean.value)
    sheet = Sheet(
        title="Predictions of lengths and durations that err",
        columns=["engine", "predictions", "mean, over no error", "mean, over FCFS", "p99, over FCFS"],
        rows=rows,
        below=f"*{WHOLE.name}*; FCFS is *{TIER.name}*. An error of 60 % is a normal one of that standard deviation.",
    )
    figure = f"60 % error costs {worst - 1:+.1%} of the mean; inverted {turned:.2f} of FCFS"
    return Found(scale=str(scale), figure=figure, holds=worst <= 1.1 and turned <= 1.5, direction=worst <= 1.25), sheet


def starvation(runs: Runs, scale: Scale) -> tuple[Found, Sheet]:
    """L4: the release's counter against a bound in seconds."""
    thresholds = THRESHOLDS[1::3] if scale.quick else THRESHOLDS
    seeds = scale.few[:2]
    ours = runs.mean(GPTJ, scale.past(GPTJ), WHOLE, seeds)
    rows, better = [], []
    for threshold in thresholds:
        name = "MARS as released, " + ("off" if threshold == math.inf else f"threshold {threshold:g}")
        each = runs.mean(GPTJ, scale.past(GPTJ), with_host(name, MarsReleased(threshold=threshold), MinWaste()), seeds)
        rows.append([name, f"{each.mean:.2f}", f"{each.p99:.1f}", f"{each.ttft:.2f}"])
        if each.mean < ours.mean and each.p99 < ours.p99:
            better.append(name)
    rows.append([WHOLE.name, f"{ours.mean:.2f}", f"{ours.p99:.1f}", f"{ours.ttft:.2f}"])
    sheet = Sheet(
        title="The release's guard, and ours",
        columns=["order", "mean, s", "p99, s", "first token, s"],
        rows=rows,
        below=f"{GPTJ.name}, {scale.past(GPTJ):g} conversations/s, {runs.conversations:,} conversations a run.",
    )
    figure = f"better in both than ours: {', '.join(better) or 'none'} of {len(thresholds)}"
    return Found(scale=f"{runs.conversations:,} conversations", figure=figure, holds=not better), sheet


def least_waste(runs: Runs, scale: Scale) -> tuple[Found, Sheet]:
    """L5: what each handling wastes over what knowledge would."""
    rows, worst, knowing = [], 0.0, 0.0
    for engine in ENGINES:
        trace = runs.workload(scale.past(engine), runs.conversations, 0)
        other = runs.workload(scale.past(engine), runs.conversations, 1)
        handlings: dict[str, Handling] = {
            "preserve always": Always("preserve"),
            "discard always": Always("discard"),
            "swap always": Always("swap"),
            "INFERCEPT, elapsed": InferCept(),
            "time to live": TimeToLive(filled(ToolDurations(), other)),
            "least waste, means": MinWaste(),
        }
        for name, handling in handlings.items():
            over, share = wasted_over_least(engine, trace, handling)
            rows.append([engine.name, name, f"{over:.2f}", f"{share:.2%}"])
        worst = max(worst, over)
        over, share = wasted_over_least(engine, trace, MinWaste(), knows=True)
        knowing = max(knowing, over)
        rows.append([engine.name, "least waste, known", f"{over:.2f}", f"{share:.2%}"])
    sheet = Sheet(
        title="What handlings waste",
        columns=["engine", "handling", "over what knowledge would", "of all memory"],
        rows=rows,
        below="Token-seconds that others lose, each call judged by its true duration when it is decided; FCFS.",
    )
    figure = f"at most {worst - 1:+.1%} over knowledge with means of tools, {knowing - 1:+.1%} with knowledge"
    return Found(
        scale=f"{runs.conversations:,} conversations", figure=figure, holds=worst <= 1.1, direction=worst <= 1.5
    ), sheet


def order_by_memory(runs: Runs, scale: Scale) -> Found:
    """L6: whether it is the memory-time that gains."""
    told, ahead, direction = [], True, True
    for engine in ENGINES:
        cells = {}
        for each in (SWAPPING, SHORTEST, LENGTH, CONVERSATION):
            cells[each] = runs.against(engine, scale.past(engine), each, TIER, scale.ablation)
        told.append(
            f"{engine.name}: "
            + ", ".join(f"{each.name} {found.mean} at p99 {found.p99.value:.3f}" for each, found in cells.items())
        )
        mine = cells[SWAPPING].mean.value
        for rival in (SHORTEST, LENGTH):
            pair = runs.against(engine, scale.past(engine), SWAPPING, rival, scale.ablation).mean
            ahead = ahead and pair.value + (pair.half if pair.half == pair.half else 0.0) < 1
            direction = direction and mine <= cells[rival].mean.value
    return Found(
        scale=str(scale), figure="; ".join(told).replace(", swap always", ""), holds=ahead, direction=direction
    )


def knowing_the_call(runs: Runs, scale: Scale) -> Found:
    """L7: whether calls must be announced."""
    told, worst = [], 0.0
    for engine in ENGINES:
        none = replace(
            SWAPPING, name=f"{SWAPPING.name}, no call expected", options={**SWAPPING.options, "tools": "none"}
        )
        learned = Make(lambda trace, seed, engine: ToolCalls())
        guessed = replace(
            SWAPPING, name=f"{SWAPPING.name}, calls predicted", options={**SWAPPING.options, "tools": learned}
        )
        rate, seeds = scale.past(engine), scale.ablation
        cells = [runs.against(engine, rate, each, TIER, seeds) for each in (SWAPPING, guessed, none)]
        gap = runs.against(engine, rate, guessed, SWAPPING, seeds)
        worst = max(worst, abs(gap.mean.value - 1), abs(gap.p99.value - 1))
        told.append(
            f"{engine.name}: "
            + ", ".join(
                f"{name} {each.mean} at p99 {each.p99.value:.3f}"
                for name, each in zip(("known", "predicted", "none"), cells, strict=True)
            )
        )
    return Found(
        scale=str(scale),
        figure=f"{'; '.join(told)}; predicted within {worst:.1%} of known",
        holds=worst <= 0.01,
        direction=worst <= 0.03,
    )


def _saved(ratio: float) -> str:
    return f"{1 - ratio:+.0%}".replace("+", "-") if ratio < 1 else f"{ratio - 1:+.0%}"
