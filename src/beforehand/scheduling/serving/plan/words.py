"""What a serving plan says in words."""

import math

from beforehand.core.report import Outcome
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.skip_predict import SkipPredict
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.plan.known import Known
from beforehand.scheduling.serving.plan.setting import Setting
from beforehand.scheduling.serving.plan.traffic_load import TrafficLoad
from beforehand.scheduling.serving.plan.worth import Worth


def bound_of(policy: Stock, setting: Setting) -> float:
    """How many seconds later than a conversation another may arrive and still be served first, at most."""
    if isinstance(policy, FCFS):
        return 0.0
    if not isinstance(policy, Boosted) or isinstance(policy.inner, SkipPredict):
        return math.inf  # what SkipPredict calls short overtakes what it calls long, whenever it comes
    return _bound_in_order(policy, setting)


def _bound_in_order(policy: Boosted, setting: Setting) -> float:
    """The same among those that the order within the guard compares: the least rank is that of one token."""
    engine = EngineView(profile=setting.profile, max_batched_tokens=setting.engine.get("max_batched_tokens", 2048))
    engine.update(now=0.0, decoding=0, context_tokens=0)
    cheap = policy.inner.threshold if isinstance(policy.inner, SkipPredict) else 1.0
    least = View(arrival=0.0, sequence=0, cheap=cheap, predicted=1.0, remaining=1.0, context=1, engine=engine)
    return policy.bound(policy.inner.rank(least))


def guard(policy: Stock, setting: Setting) -> str:
    """The bound as a sentence."""
    if (
        isinstance(policy, Boosted)
        and isinstance(policy.inner, SkipPredict)
        and math.inf not in (policy.boost, policy.knee)
    ):
        bound = _bound_in_order(policy, setting)
        return (
            "No conversation that is predicted to be long is overtaken by a long one that arrives more than "
            f"{bound:.0f} seconds later; short ones always go first, however many come."
        )
    bound = bound_of(policy, setting)
    if bound == 0:
        return "Nobody is overtaken by one that arrives later."
    if bound < math.inf:
        return f"No conversation is ever overtaken by one that arrives more than {bound:.0f} seconds later."
    if isinstance(policy, Boosted) and policy.boost != math.inf:
        return (
            "The longer a conversation, the later may come what overtakes it: "
            f"{2.303 * float(policy.boost):.3g} seconds for each factor of ten between the two."
        )
    return "There is no guard: short conversations may overtake a long one forever."


def seconds(value: float) -> str:
    """A time with three digits in the unit that fits."""
    if value == math.inf:
        return "any time"
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def interval(outcome: Outcome) -> str:
    """A figure and its interval, three digits."""
    return f"{outcome.value:.3g} ({outcome.low:.3g} to {outcome.high:.3g})"


def share(outcome: Outcome) -> str:
    """A share and its interval in percent."""
    return f"{100 * outcome.value:z.1f} % ({100 * outcome.low:z.1f} to {100 * outcome.high:z.1f})"


def busy(load: TrafficLoad) -> str:
    """How busy the engine is, as a sentence."""
    return (
        f"{load.rate:.3g} conversations a second make a load of {load.load:.2f}, as the engine can finish "
        f"{load.capacity:.3g} a second; {load.queued:.0%} of them wait more than three of its steps for their first "
        f"token, and the mean time to it is {100 * load.waiting:.1f} % of the mean latency."
    )


def paying(worth: Worth) -> list[str]:
    """When predictions of length stop paying, in sentences."""
    told = [f"{worth.design} pays as long as a prediction takes the engine less than {seconds(worth.price)}."]
    if not worth.price:
        told = [f"{worth.design} does not pay, even if its predictions cost nothing."]
    if not worth.price_of_length:
        told.append(
            "Knowing the length of answers is worth nothing here beyond the order by prompts, which needs none."
        )
    else:
        told.append(
            f"What the length adds to the order by prompts, which needs no prediction, is worth "
            f"{seconds(worth.price_of_length)} for each."
        )
    if worth.refresh_price:
        told.append(
            f"It pays as long as refreshing a prediction takes less than {seconds(worth.refresh_price)} each time."
        )
    if worth.error is not None and worth.price:
        told.append(
            "It pays at any error of the predictions that was tried."
            if worth.error == math.inf
            else f"It pays until the errors are {worth.error:.2g} times what they are."
        )
    return told


def lengths(known: Known) -> str:
    """Where predictions of length come from and how good they are, as a sentence."""
    if known.accuracy is None:
        return "Nothing predicts the length of answers."
    origin = {
        "column": "The column predicted_tokens",
        "exact": "The true length, for study only,",
        "given": "The caller's predictor",
        "prompt": "A predictor fitted on prompts, each predicted by the others,",
    }[known.lengths]
    return (
        f"{origin} is {known.accuracy.error:.3g} tokens off on average (Kendall tau {known.accuracy.kendall_tau:.2f}); "
        f"a prediction costs {known.price}."
    )


def assumed(setting: Setting) -> str:
    """What the figures rest on, as a sentence."""
    error = setting.profile.error_p50
    off = "not checked against this machine" if math.isnan(error) else f"off by {100 * error:.0f} % at the median"
    return f"Simulated with the step times of {setting.profile.name}, {off}."
