"""The tables of the study."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import EngineProfile
from beforehand.studies.lamps.contenders import (
    ELAPSED,
    MAIN,
    ORACLE,
    ORDERS,
    QUICK_MAIN,
    SWAPPING,
    TIER,
    WHOLE,
    Contender,
)
from beforehand.studies.lamps.engines import ENGINES, GPTJ, Engine
from beforehand.studies.lamps.runs import Runs, mix
from beforehand.studies.lamps.scale import Scale

SIMULATED: Final = (
    "Simulated; the time of an iteration is from a public A100 profile, attention and host terms assumed; the error "
    "against a real GPU is unknown."
)
OTHERS: Final[dict[str, tuple[float, dict[str, Any]]]] = {  # share of the rate past the knee, and what differs
    "one call each": (2.0, {"single_call": True}),
    "calls as of coding agents": (1.0, {"agentic": True}),
    "1 % of calls hang": (1.0, {"hung": 0.01}),
}
HEADS: Final = (
    "engine",
    "conversations/s",
    "served by",
    "mean, s",
    "p99, s",
    "first token, s",
    "mean",
    "p99",
    "first token",
)


def main_table(runs: Runs, scale: Scale) -> Sheet:
    """Who is how fast at every load."""
    rows = [
        row(runs, engine, rate, each, TIER, scale.seeds_at(load))
        for engine in ENGINES
        for load, rate in scale.rates(engine).items()
        for each in (QUICK_MAIN if scale.quick else MAIN)
    ]
    return Sheet(
        title="Net latency of conversations with tool calls",
        columns=list(HEADS),
        rows=rows,
        below=f"Times without tool calls; the last three columns are ratios to *{TIER.name}* on the same trace, "
        f"with 95 % intervals. Lengths exact, durations by the mean of each tool. {SIMULATED}",
    )


def orders_table(runs: Runs, scale: Scale) -> Sheet:
    """Other orders with the same handling."""
    chosen = ORDERS[:2] if scale.quick else ORDERS
    seeds = scale.few if scale.quick else scale.few[:3]
    rows = [
        row(runs, engine, scale.past(engine), each, TIER, seeds) for engine in ENGINES for each in (SWAPPING, *chosen)
    ]
    return Sheet(
        title="Other orders, all of them with *swap always*",
        columns=list(HEADS),
        rows=rows,
        below=f"{runs.conversations:,} conversations a run. {SIMULATED}",
    )


def sensitivity(runs: Runs, scale: Scale) -> Sheet:
    """The same comparison on engines that are faster or slower than we think."""
    rows = []
    for name, engine, extra in variants(replace(GPTJ, past=scale.past(GPTJ)), scale):
        ours, theirs = (
            replace(each, name=f"{each.name}, {name}", options={**each.options, **extra}) for each in (WHOLE, TIER)
        )
        found = runs.against(engine, engine.past, ours, theirs, scale.few)
        rows.append([name, f"{engine.past:.3g}", str(found.mean), str(found.p99), str(found.ttft)])
    return Sheet(
        title="If the engine is not as its profile says",
        columns=["what differs", "conversations/s", "mean", "p99", "first token"],
        rows=rows,
        below=f"*{WHOLE.name}* over *{TIER.name}*, {GPTJ.name}; rates are scaled with the speed of an iteration. "
        + SIMULATED,
    )


def margin_table(runs: Runs, scale: Scale) -> Sheet:
    """What is left of the margin over INFERCEPT as an engine of today comes closer."""
    settings: dict[str, dict[str, Any]] = {
        "no prefix cache, each return of INFERCEPT's queues as new": {"prefix_caching": False},
        "no prefix cache": {"prefix_caching": False},
        "no host tier": {"host_tokens": 0},
        "prefix cache and host tier": {},
    }
    rows = []
    for engine in ENGINES:
        for name, extra in settings.items():
            late = {"resume": "return"} if "queues as new" in name else {}
            ours, elapsed, known = (
                replace(each, name=f"{each.name}, {name}", options={**each.options, **extra, **more})
                for each, more in ((WHOLE, {}), (ELAPSED, late), (ORACLE, late))
            )
            found = [runs.against(engine, scale.past(engine), ours, base, scale.few[:2]) for base in (elapsed, known)]
            rows.append([engine.name, name, str(found[0].mean), str(found[0].ttft), str(found[1].mean)])
    return Sheet(
        title="What the margin over INFERCEPT rests on",
        columns=["engine", "with", "mean, over elapsed times", "first token", "mean, over known durations"],
        rows=rows,
        below=f"*{WHOLE.name}* over INFERCEPT past the knee. {SIMULATED}",
    )


def others_table(scale: Scale) -> Sheet:
    """Conversations of other kinds."""
    rows = []
    for name, (share, options) in OTHERS.items():
        if scale.quick and name != "1 % of calls hang":
            continue
        runs = Runs(scale.side if scale.quick else scale.conversations, mix(**options))
        for engine in ENGINES:
            rate = share * scale.past(engine)
            found = [runs.against(engine, rate, each, TIER, scale.few[:2]) for each in (ELAPSED, WHOLE)]
            cells = [str(each) for one in found for each in (one.mean, one.p99)]
            rows.append([name, engine.name, f"{rate:g}", *cells])
    return Sheet(
        title="Other conversations",
        columns=["conversations", "engine", "conversations/s", "INFERCEPT: mean", "p99", "LAMPS: mean", "p99"],
        rows=rows,
        below=f"Over *{TIER.name}*; *{ELAPSED.name}* and *{WHOLE.name}*. {SIMULATED}",
    )


def variants(engine: Engine, scale: Scale) -> list[tuple[str, Engine, dict[str, float]]]:
    """The engine as it is, and with one thing 30 % off."""
    changed: list[tuple[str, Engine, dict[str, float]]] = [("nothing", engine, {})]
    for share in (0.7,) if scale.quick else (0.7, 1.3):
        slower = replace(engine, profile=timed(engine.profile, share), past=engine.past / share)
        copies = engine.profile.swap_bytes_per_second * share
        copied = replace(engine, profile=changed_profile(engine.profile, f"copy {share}", swap_bytes_per_second=copies))
        changed += [
            (f"time of an iteration {share - 1:+.0%}", slower, {}),
            (f"speed of copies {share - 1:+.0%}", copied, {}),
        ]
    return (
        changed
        if scale.quick
        else [*changed, ("2.5 ms of the host in every iteration", engine, {"scheduler_seconds": 0.0025})]
    )


def timed(profile: EngineProfile, share: float) -> EngineProfile:
    """The profile of an engine whose iterations take so much of the time."""
    return changed_profile(
        profile,
        f"time {share}",
        seconds=share * np.asarray(profile.seconds, np.float64),
        seconds_per_context_token=share * profile.seconds_per_context_token,
        seconds_per_prefill_pair=share * profile.seconds_per_prefill_pair,
    )


def changed_profile(profile: EngineProfile, what: str, **fields: object) -> EngineProfile:
    """A profile under a name of its own."""
    return replace(profile, name=f"{profile.name}, {what}", **fields)  # type: ignore[arg-type]


def row(
    runs: Runs, engine: Engine, rate: float, contender: Contender, base: Contender, seeds: Sequence[int]
) -> list[str]:
    """One contender at one load."""
    mean = runs.mean(engine, rate, contender, seeds)
    found = runs.against(engine, rate, contender, base, seeds)
    times = [f"{mean.mean:.1f}", f"{mean.p99:.0f}", f"{mean.ttft:.1f}"]
    return [engine.name, f"{rate:g}", contender.name, *times, str(found.mean), str(found.p99), str(found.ttft)]
