"""Orders of LLM requests that only studies need, to stand beside those of `beforehand.scheduling`.

All but MLFQ never take a slot from a running request. Each is our reading of a published rule at the scale of one
engine, not the code of its authors.
"""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import checked, finite, settle, whole
from beforehand.scheduling.policies.policy import Policy, check_policy
from beforehand.scheduling.policies.view import FIRST, UNKNOWN, By, View

QUANTUM: Final = 16  # tokens before the second level of MLFQ; each level doubles them
LEVELS: Final = 8
FREE: Final = Price(per="request")
STARVED: Final = 30.0  # seconds of waiting after which MLFQ takes a request back to its first level


class Unstaged:
    """What is the same for all of these: no stages, and no age at which a rank jumps on its own."""

    __slots__ = ()

    def review_age(self, view: View) -> float:
        """Never."""
        return math.inf

    def asks(self, view: View) -> By | None:
        """Nothing."""
        return None

    def stages(self) -> None:
        """None: they know no engine."""
        return None


def engine_of(view: View) -> EngineView:
    """The engine of a request.

    Raises:
        InvalidInput: there is none.
    """
    if view.engine is None:
        raise InvalidInput("this order ranks by what an LLM engine does, but view.engine is None; set it")
    return view.engine


def uncached(view: View) -> int:
    """Tokens that must be computed before the next output token, at least 1."""
    return max(view.context - (view.resident or view.host or int(view.cached)), 1)


@final
@dataclass(frozen=True, slots=True)
class HRRN(Unstaged):
    """Highest response ratio next: waiting time over predicted service, which grows as one waits.

    Example:
        >>> view = View(0.0, 0, predicted=100.0, enqueued=0.0, now=3.0, engine=EngineView(tau_d=0.01))
        >>> HRRN().rank(view)
        -4.0
    """

    timed = True

    def rank(self, view: View) -> float:
        """Minus the response ratio."""
        if view.state == "running":
            return FIRST
        service = view.predicted * engine_of(view).tau_d
        return -(view.now - view.enqueued + service) / service if service == service else UNKNOWN

    def asks(self, view: View) -> By | None:
        """The predicted length."""
        return "expensive" if view.predicted != view.predicted else None


@final
@dataclass(frozen=True, slots=True)
class MLFQ(Unstaged):
    """A multilevel feedback queue that needs no prediction, in the manner of FastServe: few tokens had, early served.

    A request begins at the level whose quantum covers its prefill, and sinks a level each time it has had the quantum;
    one that has waited half a minute starts again at the first. Levels rank by powers of 4, so that the next one is
    beyond any margin.

    Example:
        >>> engine = EngineView(tau_d=0.01, tau_p=0.02, prefill_tokens=256)
        >>> [MLFQ().rank(View(0.0, 0, age=age, context=100, enqueued=0.0, now=1.0, engine=engine)) for age in (0, 16)]
        [1.0, 4.0]

    Reference:
        Wu, Zhong, Zhang, Liu, Liu, Sun, Huang, Liu, Jin: Fast Distributed Inference Serving for Large Language Models.
        arXiv:2305.05920.
    """

    timed = True

    def rank(self, view: View) -> float:
        """Four to the level."""
        engine = engine_of(view)
        waited = view.now - view.enqueued - view.age * engine.tau_d
        if view.state != "running" and waited > STARVED:
            return 1.0
        prefill = math.ceil(max(view.context - view.age, 1) / engine.prefill_tokens) * engine.tau_p
        first = next((i for i in range(LEVELS - 1) if QUANTUM * 2**i * engine.tau_d >= prefill), LEVELS - 1)
        had = next((i for i in range(LEVELS - 1) if view.age < QUANTUM * 2**i), LEVELS - 1)
        return float(4 ** max(first, had))


@final
@dataclass(frozen=True, slots=True)
class PLAS(Unstaged):
    """Least attained service of the whole conversation first, in the manner of Autellix.

    Example:
        >>> PLAS().rank(View(0.0, 0, served=120))
        120.0

    Reference:
        Luo, Shi, Cai, Zhang, Wong, Wang, Wang, Huang, Chen, Gonzalez, Stoica: Autellix: An Efficient Serving Engine for
        LLM Agents as General Programs. arXiv:2502.13965.
    """

    def rank(self, view: View) -> float:
        """Output tokens of earlier answers."""
        return FIRST if view.state == "running" else float(view.served)


@final
@dataclass(frozen=True, slots=True)
class Aged:
    """Linear ageing: another order's rank plus `alpha` for each second of a later arrival.

    Args:
        inner: The order.
        alpha: In the unit of its rank, per second; above 0.

    Raises:
        InvalidInput: `alpha` is out of range.

    Example:
        >>> from beforehand.scheduling import SPJF
        >>> Aged(SPJF(), 20.0).rank(View(3.0, 0, predicted=100.0))
        160.0
    """

    inner: Policy
    alpha: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        check_policy(self.inner)
        settle(self, alpha=finite("alpha", self.alpha, above=True))

    @property
    def depends_on(self) -> str:
        """As the inner order."""
        return str(getattr(self.inner, "depends_on", "request"))

    def rank(self, view: View) -> float:
        """The inner rank and the arrival; what comes before all others stays there."""
        rank = self.inner.rank(view)
        return rank + self.alpha * view.arrival if rank > FIRST else FIRST

    def review_age(self, view: View) -> float:
        """As the inner order."""
        return self.inner.review_age(view)

    def asks(self, view: View) -> By | None:
        """As the inner order."""
        return self.inner.asks(view)

    def stages(self) -> None:
        """None: they know no arrival times."""
        return None


@final
@dataclass(frozen=True, slots=True)
class RankCorrelated:
    """A predictor of lengths that orders them with a given Kendall's tau.

    The logarithm of the true length, with normal noise; exact for log-normal lengths, near it for others.

    Args:
        kendall: The tau wanted, above 0 and below 1.
        seed: Of the noise.
        price: What a prediction costs.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> lengths = np.random.default_rng(0).lognormal(4.0, 1.0, 2000)
        >>> round(kendall_tau(RankCorrelated(0.5, seed=1).predict(lengths), lengths), 2)
        0.5
    """

    kendall: float
    _: KW_ONLY
    seed: int
    price: Price = FREE

    def __post_init__(self) -> None:
        """Validate the fields."""
        kendall = checked("kendall", self.kendall, above=True, most=1.0)
        if kendall == 1.0:
            raise InvalidInput("kendall is 1, but must be below 1; exact lengths are lengths='exact'")
        settle(self, kendall=kendall, seed=whole("seed", self.seed))

    def ratio(self) -> float:
        """The noise in units of the logarithm's standard deviation."""
        return math.sqrt(1 / math.sin(math.pi * self.kendall / 2) ** 2 - 1)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """A prediction for each true length, at least 1."""
        logarithms = np.log(np.maximum(np.asarray(features, np.float64), 1.0))
        noise = np.random.default_rng(self.seed).standard_normal(len(logarithms))
        spread = float(logarithms.std()) if len(logarithms) else 0.0
        predicted: NDArray[np.float64] = np.maximum(np.exp(logarithms + self.ratio() * spread * noise), 1.0)
        return predicted


def kendall_tau(first: NDArray[Any], second: NDArray[Any], *, most: int = 2000) -> float:
    """Kendall's tau-a of two columns, on the first `most` rows: a pair that is equal in one of them counts for nothing.

    Example:
        >>> kendall_tau(np.array([1, 2, 3]), np.array([1, 3, 2]))
        0.3333333333333333
    """
    first, second = np.asarray(first, np.float64)[:most], np.asarray(second, np.float64)[:most]
    rows = len(first)
    if rows < 2:
        return math.nan
    agreeing = np.sign(first[:, None] - first) * np.sign(second[:, None] - second)
    return float(agreeing.sum() / (rows * (rows - 1)))
