"""UniBoost: requests of a language model by boosted arrival times, from the prompt alone.

`UniBoost` is what its authors released for SGLang; `UniBoostPaper` is our reading of the rest of the paper.
"""

import math
from collections import deque
from typing import Final, final

import numpy as np

from beforehand.scheduling.inputs import checked, finite, flag
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.view import FIRST, View
from beforehand.studies.serving_baselines import Unstaged, uncached

SECONDS_PER_TOKEN: Final = 64e-6
RECENT, FEWEST, EVERY = 2000, 200, 5.0  # latencies kept and needed, and seconds between two changes of gamma
LEAST_GAMMA, MOST_GAMMA = 1.0, 200.0
FIRST_THRESHOLD: Final = 16  # attained tokens at which a priority moves; each further one doubles them


def boost(tokens: float, gamma: float) -> float:
    """How much earlier a prompt of so many tokens seems to have come, in seconds.

    Example:
        >>> [f"{boost(tokens, 10.0):.3g}" for tokens in (100, 1000, 20_000)]
        ['0.278', '0.0749', '2.76e-07']
    """
    return -math.log(-math.expm1(-gamma * SECONDS_PER_TOKEN * tokens)) / gamma


@final
class UniBoost(Unstaged):
    """The released order: by arrival less the boost of the uncached prompt, non-preemptive.

    Args:
        gamma: Per second; the release has 10.
        ada: Whether gamma follows the latencies that `finished` is told (gamma-Ada), as `simulate` does. A request
            keeps the rank that it had when it came. Take a new one for each run.

    Raises:
        InvalidInput: `gamma` is out of range.

    Example:
        >>> UniBoost(10.0).rank(View(5.0, 0, context=100)).__round__(3)
        4.722

    Reference:
        Beyond Prediction: Tail-Aware Scheduling for LLM Inference. arXiv:2606.18431.
    """

    __slots__ = ("_changed", "_latencies", "ada", "gamma")

    def __init__(self, gamma: float, *, ada: bool = False) -> None:
        self.gamma = finite("gamma", gamma, above=True)
        self.ada = flag("ada", ada)
        self._latencies: deque[float] = deque(maxlen=RECENT)
        self._changed = 0.0

    def __repr__(self) -> str:
        """As it is made."""
        return f"UniBoost({self.gamma:g}{', ada=True' if self.ada else ''})"

    def rank(self, view: View) -> float:
        """Arrival less boost, until it is started."""
        return FIRST if view.started else view.arrival - boost(uncached(view), self.gamma)

    def finished(self, latency: float, now: float) -> None:
        """Note how long a request took, in seconds; every 5 s gamma follows the recent ones."""
        self._latencies.append(checked("latency", latency))
        if self.ada and now - self._changed >= EVERY and len(self._latencies) >= FEWEST:
            middle, high = np.quantile(self._latencies, (0.95, 0.99))
            target = 200 / (1 + 4 * max(high / middle - 1, 0.0)) if middle > 0 else MOST_GAMMA
            self.gamma = 0.7 * self.gamma + 0.3 * min(max(float(target), LEAST_GAMMA), MOST_GAMMA)
            self._changed = now


@final
class AttainedWork(Unstaged):
    """Prompt and twice the tokens attained at the last threshold (16, 32, 64, ...), as seconds of the release.

    Who runs cannot be overtaken between two thresholds.

    Example:
        >>> AttainedWork().rank(View(0.0, 0, context=100, age=40.0))
        0.007936
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """As it is made."""
        return "AttainedWork()"

    def rank(self, view: View) -> float:
        """The work, or FIRST between two thresholds."""
        passed = _threshold(view.age)
        if view.state == "running" and view.age != passed:
            return FIRST
        prompt = max(view.context - view.age, 1.0)
        return SECONDS_PER_TOKEN * (prompt + 2 * passed)


def UniBoostPaper(gamma: float) -> Boosted:
    """Our reading of the paper's later stages: one priority for prefill and decode, preemption, and MemGuard.

    Example:
        >>> UniBoostPaper(0.1).boost
        10.0
    """
    seconds = 1 / finite("gamma", gamma, above=True)
    return Boosted(AttainedWork(), boost=seconds, knee=seconds)


def _threshold(age: float) -> float:
    """The largest threshold at or below so many tokens, 0 below the first."""
    return float(2 ** int(math.log2(age))) if age >= FIRST_THRESHOLD else 0.0
