"""Which order and handling are worth having: a plan made of simulations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import made_with
from beforehand.core.report import Report, Verdict, judge
from beforehand.core.trace import Trace
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.inputs import kind_of, listed, whole
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.stock import name_of
from beforehand.scheduling.serving.plan.candidates import BLIND, FIGURES, Candidate, checked_handling, family_of
from beforehand.scheduling.serving.plan.finals import Finalist, Finals, best_of
from beforehand.scheduling.serving.plan.knowing import Given, know
from beforehand.scheduling.serving.plan.runs import Runs
from beforehand.scheduling.serving.plan.search import Handling, Search, orders
from beforehand.scheduling.serving.plan.serving_plan import ServingPlan
from beforehand.scheduling.serving.plan.setting import Setting
from beforehand.scheduling.serving.plan.traffic import Traffic
from beforehand.scheduling.serving.plan.traffic_load import measure, pays_from
from beforehand.scheduling.serving.plan.worth import Worth, worth
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe
from beforehand.scheduling.serving.predictors.probe_report import ProbeReport
from beforehand.scheduling.serving.simulator.request import Requests

LEAST: Final = 200  # conversations: fewer say nothing about a p99
SEARCHED: Final = 5_000  # conversations on which all designs are tried
FINALISTS: Final = 4
MOST_SEEDS: Final = 1_000
TENTHS: Final = 10


def plan_serving(
    trace: Trace,
    *,
    profile: EngineProfile,
    objective: str = "mean_net_latency",
    max_p99_ratio: float = 1.3,
    min_gain: float = 0.02,
    lengths: Given | LengthProbe = None,
    expensive: Given = None,
    refine: Any = None,
    durations: Any = None,
    tools: Any = "exact",
    slo: Mapping[str, float] | None = None,
    candidates: Sequence[Any] | None = None,
    seeds: int = 5,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    **engine: Any,
) -> ServingPlan:
    """Choose order, guard and handling for conversations like these, and say what they will gain.

    Args:
        trace: The sample, of kind `requests`, at least 200 conversations.
        profile: How long the engine's steps take.
        objective: A figure of `ServingResult.summary()` to keep small: mean, p50 or p99 of latency or net latency,
            `ttft`, `p99_ttft`, `itl`, `p99_itl`; `"goodput"` and `"goodput_rate"` are kept large, and need `slo`.
        max_p99_ratio: How far the p99 of the net latency may rise above that of first come, first served.
        min_gain: The least gain in the objective that is worth having, as a share.
        lengths: Predictions of output tokens, as in `simulate`; None: the column `predicted_tokens`, or a predictor
            fitted on what the trace knows of prompts. A `LengthProbe`, or its `ProbeReport`, errs as it did on its test
            requests; `refine` is then the same report if it is not given.
        expensive: Those of a second predictor; `lengths` is then the cheap one.
        refine: How predictions are refreshed while an answer is written, as in `simulate`.
        durations: How long tool calls are known to take, as in `simulate`.
        tools: How tool calls are known, as in `simulate`.
        slo: Limits in seconds: `ttft`, `itl` or both.
        candidates: Orders to choose from, or pairs of an order and a handling's JSON, in place of all that the trace
            allows; `ShortestWork(decode=0)`, which reads no prediction, is tried too. Orders are guarded; a `Boosted`
            with numbers is taken as it is.
        seeds: How often the sample's minutes are drawn anew, for the intervals.
        seed: Of all that is drawn.
        progress: Called with a few words when a step begins.
        engine: Options of `simulate` that describe the engine, from `max_num_seqs` to `watermark`.

    Guarantee:
        All designs run on the same traffic, and predictions cost the engine's time. The one chosen has the least
        objective among those whose p99 ratio, with its whole interval, stays within `max_p99_ratio`; of those that it
        does not beat on every draw, the one that needs to know least is taken. *Worth it* if the interval of the
        gain over first come, first served lies above `min_gain`, *don't bother* if it lies below, else *unclear*; in
        both these cases the design is `FCFS()`, and the best candidate comes first among the alternatives. Where the
        mean time to the first token is below 5 % of the mean latency and there are no calls, nothing else is tried.
        The same arguments give the same plan everywhere, but where a predictor is fitted, whose price is measured.

    Cost:
        About 50 simulations, most of them of at most 5,000 conversations.

    Raises:
        InvalidInput: an argument is out of range; the trace is of another kind, or has fewer than 200 rows.

    Example:
        >>> from beforehand.scheduling.engine_profile import PROFILES
        >>> from beforehand.workloads import requests
        >>> trace = requests.azure_conv_like(400, rate=2.0, seed=0)
        >>> plan_serving(trace, profile=PROFILES["llama3-8b-a100-80g"]).verdict
        "don't bother"
    """
    setting = Setting(
        profile=profile,
        objective=objective,
        max_p99_ratio=max_p99_ratio,
        min_gain=min_gain,
        slo=slo,
        engine=engine,
        seed=seed,
    )
    whole("seeds", seeds, least=1, most=MOST_SEEDS)
    if len(trace) < LEAST:
        raise InvalidInput(f"the trace has {len(trace)} conversations, but a plan needs at least {LEAST}; record more")
    wanted = None if candidates is None else _wanted(listed("candidates", candidates, "orders"))
    report = progress or (lambda words: None)
    report("reading predictions")
    if isinstance(lengths, LengthProbe):
        lengths = ProbeReport.from_json(lengths.report)
    if refine is None and isinstance(lengths, ProbeReport):
        refine = lengths
    traffic, known, fitted = know(
        trace, lengths=lengths, expensive=expensive, refine=refine, durations=durations, tools=tools
    )
    traffic = traffic.fitting(setting.kv_tokens, profile.block_size, reject=engine.get("reject_oversized", False))
    calls = Requests.of(traffic.trace).calls
    report("measuring the load")
    runs = Runs(setting, tools=tools, durations=durations, refine=refine)
    load = measure(runs, traffic)
    stretch = _stretch(runs, traffic)
    search = Search(runs, stretch)
    found: list[Candidate] = []
    if load.idle and not calls:
        report("looking for the rate from which an order would matter")
        load = replace(load, pays_from=pays_from(runs, stretch, load))
    else:
        found = search.best_of_each(wanted or [(each, None) for each in orders(traffic)], report)
    report("running the best on traffic drawn anew")
    finals = Finals(runs, traffic, search.first_come, seeds)
    finalists = _finalists(finals, search, found, report)
    first_come = finals.first_come
    best = best_of(finalists, max_p99_ratio, min_gain) or first_come
    gain, ratio = best.against(first_come), best.outcome("p99_ratio")
    verdict: Verdict = "don't bother" if best is first_come else judge(gain, min_gain)
    chosen = best if verdict == "worth it" else first_come
    report("finding out what predictions are worth")
    return ServingPlan(
        candidates=_table(chosen, best, first_come, finalists, found),
        setting=setting,
        expected=chosen.outcome("cost"),
        baseline=first_come.outcome("cost"),
        gain=gain,
        p99_ratio=ratio,
        figures={name: chosen.outcome(name) for name in FIGURES},
        before={name: first_come.outcome(name) for name in FIGURES},
        by_length=() if best is first_come else _by_length(traffic.trace, first_come, best),
        load=load,
        known=known,
        worth=_worth(runs, stretch, search.first_come, best, found),
        verdict=verdict,
        conversations=len(traffic),
        calls=calls,
        sample=trace.fingerprint,
        versions=made_with(),
        fitted=fitted,
    )


def audit(plan: ServingPlan, trace: Trace, **others: Any) -> Report:
    """Set what the plan expected beside what its design reaches on conversations that it never saw.

    Raises:
        InvalidInput: `plan` is not a `ServingPlan`; and what `ServingPlan.audit` raises.
    """
    kind_of("plan", plan, ServingPlan, "what plan_serving returned")
    return plan.audit(trace, **others)


def _wanted(given: Sequence[Any]) -> list[tuple[Any, Handling]]:
    """Orders and their handlings as the caller wrote them; one that reads no prediction comes with them."""
    found: list[tuple[Any, Handling]] = []
    for each in given:
        order, handling = each if isinstance(each, tuple) else (each, None)
        name_of(order)
        found.append((order, None if handling is None else checked_handling(handling)))
    blind = any(family_of(order) in BLIND[1:] for order, _ in found)
    return found if blind else [*found, (ShortestWork(decode=0.0), None)]


def _stretch(runs: Runs, traffic: Traffic) -> Traffic:
    """All of it, or those of its parts in which the mean latency is nearest to that of the whole."""
    if len(traffic) <= SEARCHED:
        return traffic
    latency = runs.first_come(traffic).net_latency
    sums = np.concatenate(([0.0], np.cumsum(latency)))
    begins = np.arange(0, len(traffic) - SEARCHED + 1, SEARCHED // 10)
    means = (sums[begins + SEARCHED] - sums[begins]) / SEARCHED
    begin = int(begins[np.argmin(np.abs(means - latency.mean()))])
    return traffic.window(begin, begin + SEARCHED)


def _finalists(
    finals: Finals, search: Search, found: Sequence[Candidate], report: Callable[[str], None]
) -> list[Finalist]:
    """The best four and the best that needs no prediction of length, with a safer guard where the p99 rose too far."""
    finalists = []
    for each in [*found[:FINALISTS], *(each for each in found[FINALISTS:] if each.family in BLIND)]:
        report(f"running {each.design} on traffic drawn anew")
        finalists.append(finals.run(each))
        most = finalists[-1].candidate.p99_most
        safer = search.safer(each)
        if most is not None and most > finals.limit and safer is not None:
            report(f"running {safer.design} on traffic drawn anew")
            finalists.append(finals.run(safer))
    return finalists


def _table(
    chosen: Finalist, best: Finalist, first_come: Finalist, finalists: Sequence[Finalist], found: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The best of each family, the chosen one first, then the best one."""
    final = {each.candidate.design: each.candidate for each in (first_come, *finalists)}
    rest = [final.get(each.design, each) for each in found]
    first = [chosen.candidate, best.candidate]
    ordered = [*first, *sorted([first_come.candidate, *rest], key=lambda each: (each.runs == 1, each.cost))]
    return tuple(
        {each.design: each for each in reversed(ordered)}[name]
        for name in dict.fromkeys(each.design for each in ordered)
    )


def _by_length(trace: Trace, before: Finalist, after: Finalist) -> tuple[tuple[float, float, float], ...]:
    """Tenths of the conversations by output tokens: the most tokens in each, and the mean latencies."""
    requests = Requests.of(trace)
    tokens = np.add.reduceat(requests.output, requests.first[:-1])
    order = np.argsort(tokens, kind="stable")
    return tuple(
        (float(tokens[rows[-1]]), float(before.latency[rows].mean()), float(after.latency[rows].mean()))
        for rows in np.array_split(order, TENTHS)
    )


def _worth(
    runs: Runs, stretch: Traffic, first_come: Candidate, best: Finalist, found: Sequence[Candidate]
) -> Worth | None:
    """What predictions are worth to the best candidate that reads any, on the stretch that was searched."""
    blind = next((each for each in found if each.family in BLIND), first_come)
    reading = next((each for each in [best.candidate, *found] if each.reads), None)
    if reading is None or stretch.predicted is None:
        return None
    return worth(runs, stretch, reading.policy, reading.handling, reading.design, (first_come.cost, blind.cost))
