"""What the runs of this study have in common: the engine, the load, and how policies are compared."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving import PROFILES, Always, automatic_boost, simulate
from beforehand.studies.trail.credited import Credited
from beforehand.workloads.requests import NormalErrors

PROFILE: Final = PROFILES["llama3-8b-a100-80g"]
KEYS: Final = ("mean_latency", "p99_latency", "ttft", "p99_ttft")
ASSUMED: Final = (
    "Simulated; iteration times from a public A100 profile, attention and host terms assumed; the error against a real "
    "GPU is unknown."
)


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """Requests at a load, and the places that the engine has for them."""

    name: str
    requests: Trace
    slots: int
    seed: int

    def run(self, policy: Policy, lengths: Any = None, **options: Any) -> dict[str, float]:
        """The figures of one simulation; lengths have the errors that the paper's probe has, unless said otherwise."""
        known = NormalErrors(seed=self.seed) if lengths is None else lengths
        if isinstance(policy, Credited):
            guard = automatic_boost(
                policy.inner,
                self.requests,
                profile=PROFILE,
                handling=Always("discard"),
                lengths=known,
                max_num_seqs=self.slots,
            )
            policy = replace(policy, inner=guard)
        result = simulate(
            self.requests,
            profile=PROFILE,
            policy=policy,
            lengths=known,
            max_num_seqs=self.slots,
            **options,
        )
        return result.summary()


def ratios(
    settings: Sequence[Setting], policies: Mapping[str, tuple[Policy, Any]], **options: Any
) -> dict[str, NDArray[np.float64]]:
    """For each policy, by setting, mean, p99, first token and its p99 over those of first come, first served.

    Args:
        settings: Where to run.
        policies: By name a policy, and the lengths that it is told; None for those with errors.
        **options: As in `simulate`.

    Returns:
        An array by name, a row for each setting and a column for each of `KEYS`.
    """
    rows: dict[str, list[list[float]]] = {name: [] for name in policies}
    for setting in settings:
        base = setting.run(FCFS())
        for name, (policy, lengths) in policies.items():
            found = setting.run(deepcopy(policy), lengths, **options)  # one that learns begins anew
            rows[name].append([found[key] / base[key] for key in KEYS])
    return {name: np.array(values) for name, values in rows.items()}


def interval(values: NDArray[np.float64]) -> str:
    """Mean and half the width of its 95 % interval, over runs."""
    if len(values) < 2:
        return f"{values.mean():.3f}"
    return f"{values.mean():.3f} ± {1.96 * values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def capacity(requests: Trace, slots: int) -> float:
    """Requests a second that the saturated engine completes: all there at once, the middle 80 % of completions."""
    at_once = Trace("requests", dict(requests.columns) | {"arrival": np.zeros(len(requests))})
    finish = np.sort(simulate(at_once, profile=PROFILE, policy=FCFS(), max_num_seqs=slots).finish)
    first, last = np.quantile(finish, [0.1, 0.9])
    return float(0.8 * len(requests) / (last - first))
