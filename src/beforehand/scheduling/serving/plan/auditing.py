"""A plan's designs on conversations that it never saw."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.report import Outcome, Verdict, judge
from beforehand.core.trace import Trace
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.serving.plan import words
from beforehand.scheduling.serving.plan.candidates import Candidate
from beforehand.scheduling.serving.plan.knowledge import Accuracy
from beforehand.scheduling.serving.plan.objective import cost
from beforehand.scheduling.serving.plan.runs import frozen
from beforehand.scheduling.serving.plan.setting import Setting
from beforehand.scheduling.serving.plan.traffic import Floats, block_of
from beforehand.scheduling.serving.plan.traffic_load import NO_QUEUE, waiting
from beforehand.scheduling.serving.simulator.request import Requests
from beforehand.scheduling.serving.simulator.result import ServingResult
from beforehand.scheduling.serving.simulator.simulate import simulate

DRAWS: Final = 200
FIGURE: Final[Mapping[str, Callable[[Floats], float]]] = {
    "mean": lambda values: float(values.mean()),
    "p50": lambda values: float(np.quantile(values, 0.5)),
    "p99": lambda values: float(np.quantile(values, 0.99)),
}


@final
@dataclass(frozen=True, kw_only=True)
class Audited:
    """What an audit found; the fields are those of `Report`."""

    measured: Outcome
    baseline: Outcome
    clairvoyant: Outcome
    verdict: Verdict
    why: str


def audited(
    chosen: Candidate,
    best: Candidate,
    first_come: Candidate,
    setting: Setting,
    holdout: Trace,
    arguments: Callable[[Candidate], Mapping[str, Any]],
) -> Audited:
    """Simulate the chosen design, first come, first served, and the clairvoyant.

    Args:
        chosen: The plan's design.
        best: The best candidate, which a plan that advises against it has not chosen.
        first_come: First come, first served.
        setting: What was planned for.
        holdout: The conversations.
        arguments: Those of `simulate` that run a candidate.
    """
    objective = setting.objective
    runs: dict[str, ServingResult] = {}
    for each in (first_come, best, chosen):
        if each.design not in runs:
            runs[each.design] = simulate(holdout, **arguments(each))
    options = {**arguments(best), "lengths": "exact", "expensive": None, "durations": "exact"}
    knowing = _knowing(best, options, holdout)
    exact = simulate(holdout, **options | {"policy": knowing})
    before, after = runs[first_come.design], runs[best.design]
    chosen_at, gain = _outcomes(chosen, runs[chosen.design], objective), saved(before, after, best.design, objective)
    fell = cost(exact.summary(), objective)
    if best.family == "FCFS":
        share = waiting(before.summary())
        verdict: Verdict = "don't bother" if share < NO_QUEUE else "unclear"
        why = f"mean time to the first token is {100 * share:.1f} % of the mean latency first come, first served"
        why += "" if share < NO_QUEUE else ": somebody waits here, so plan again on this traffic"
    else:
        verdict = judge(gain, setting.min_gain)
        would = "it saves" if chosen is best else f"{best.design} would save"
        ratio = after.summary()["p99_net_latency"] / before.summary()["p99_net_latency"]
        why = f"{would} {words.share(gain)} of {first_come.design}, at {ratio:.2f} of its p99"
    return Audited(
        measured=chosen_at,
        baseline=_outcomes(first_come, before, objective),
        clairvoyant=Outcome(f"{knowing.inner if isinstance(knowing, Boosted) else knowing} exact", fell, fell, fell),
        verdict=verdict,
        why="; ".join([why, *recorded(holdout, runs[chosen.design], _simulated(holdout, arguments(chosen)))]),
    )


def _knowing(best: Candidate, options: Mapping[str, Any], holdout: Trace) -> Stock:
    """The best candidate's order if it reads lengths, else the same guard around one that does."""
    if best.reads:
        return best.policy
    whole = ShortestWork(decode=1.0)
    if isinstance(best.policy, Boosted):
        return replace(best.policy, inner=whole)
    others = {name: each for name, each in options.items() if name not in ("policy", "slo")}
    return frozen(Boosted(whole), holdout, others)


def _simulated(holdout: Trace, options: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Which conversations a simulation with these options does not reject."""
    profile, given = options["profile"], options.get("kv_tokens")
    kv_tokens = profile.kv_tokens if given is None else given
    return Requests.of(holdout).fitting(kv_tokens, profile.block_size, reject=True)


def saved(before: ServingResult, after: ServingResult, design: str, objective: str) -> Outcome:
    """The share of the objective that is saved, and its interval: minutes of the holdout drawn anew."""
    costs = [cost(each.summary(), objective) for each in (before, after)]
    value = 1 - costs[1] / costs[0] if costs[0] > 0 else 0.0
    draws = np.array(
        [1 - its / mine for mine, its in zip(*(_draws(each, objective) for each in (before, after)), strict=True)]
    )
    return Outcome.of(design, value, draws)


def _outcomes(design: Candidate, result: ServingResult, objective: str) -> Outcome:
    return Outcome.of(design.design, cost(result.summary(), objective), _draws(result, objective))


def _draws(result: ServingResult, objective: str) -> Floats:
    """The objective on minutes drawn anew, the same for every design; none for figures that a conversation lacks."""
    values = {
        "net_latency": result.net_latency,
        "latency": result.latency,
        "ttft": result.ttft,
    }
    figure, _, of = objective.partition("_")
    if objective in ("ttft",):
        figure, of = "mean", "ttft"
    if of not in values or figure not in FIGURE:
        return np.empty(0)
    each = values[of]
    since = result.arrival - result.arrival[0]
    minute = np.floor(since / max(block_of(float(since[-1]), len(since)), 1e-9)).astype(np.int64)
    begins = np.searchsorted(minute, np.arange(minute[-1] + 2))
    random = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        drawn = random.integers(len(begins) - 1, size=len(begins) - 1)
        rows = np.concatenate([np.arange(begins[row], begins[row + 1]) for row in drawn])
        if len(rows):
            found.append(FIGURE[figure](each[rows]))
    return np.array(found)


def recorded(holdout: Trace, result: ServingResult, kept: NDArray[np.bool_]) -> list[str]:
    """What an engine recorded, beside the simulation, in words; nothing if it recorded nothing.

    Args:
        holdout: The conversations; what was not recorded of one, such as the end of one that was given up, is nan.
        result: The simulation.
        kept: Which conversations were simulated.

    Raises:
        InvalidInput: a recorded column does not hold numbers.
    """
    found = []
    arrival = holdout["arrival"][kept]
    latency = _recorded(holdout, "finished", kept) - arrival - result.tool_seconds
    known = np.isfinite(latency)
    for name in ("mean", "p99") if known.any() else ():
        was, is_now = FIGURE[name](latency[known]), FIGURE[name](result.net_latency[known])
        more = f" ({is_now / was - 1:+.0%})" if was > 0 else ""
        found.append(f"recorded {name} net latency {was:.3g} s, simulated {is_now:.3g} s{more}")
    first = _recorded(holdout, "first_token", kept) - arrival
    known = np.isfinite(first)
    if known.any():
        was, is_now = float(first[known].mean()), float(result.ttft[known].mean())
        found.append(f"recorded mean time to the first token {was:.3g} s, simulated {is_now:.3g} s")
    predicted = _recorded(holdout, "predicted_tokens", np.ones(len(holdout), np.bool_))
    known = np.isfinite(predicted)
    if known.any():
        last = Requests.of(holdout)
        true = last.output[last.first[1:] - 1].astype(np.float64)
        accuracy = Accuracy.of(predicted[known], true[known])
        found.append(f"predictions were {accuracy.error:.3g} tokens off, Kendall tau {accuracy.kendall_tau:.2f}")
    return found


def _recorded(holdout: Trace, name: str, kept: NDArray[np.bool_]) -> Floats:
    """A column that an engine recorded; nan without one."""
    if name not in holdout.columns:
        return np.full(int(kept.sum()), np.nan)
    values = holdout[name]
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise InvalidInput(
            f"{name} has dtype {values.dtype}, but must be one number a row, nan where it is not known; convert it"
        )
    return values[kept].astype(np.float64)
