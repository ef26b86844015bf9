"""How a plan puts its figures into words."""

from collections.abc import Iterator, Sequence

from beforehand.core.report import Outcome
from beforehand.gradients.candidates import Candidate
from beforehand.gradients.link import Link


def seconds(step: Outcome) -> str:
    """With the interval."""
    return f"{step.value:.3g} s ({step.low:.3g} to {step.high:.3g})"


def times(gain: Outcome) -> str:
    """How many times as fast, with the interval."""
    return f"{1 + gain.value:.2f} times ({1 + gain.low:.2f} to {1 + gain.high:.2f})"


def megabytes(count: float) -> str:
    """Three digits."""
    return f"{count / 1e6:.3g} MB"


def link_words(link: Link) -> str:
    """Rate and latency."""
    rate = link.bytes_per_second * 8 / 1e6
    shown = f"{rate:.3g}" if rate < 999.5 else f"{rate:,.0f}"
    return f"{shown} Mbit/s with a latency of {link.latency * 1e3:.3g} ms"


def worth(gain: Outcome, baseline: str, *, margin: float, target: float | None) -> str:
    """What the best codec that compresses would gain; `target` is the loss of a pilot."""
    before = f"{baseline}, the better of float32 and 16 bits"
    if gain.design == baseline:
        lacks = "left within the allowed error" if target is None else "known to reach the target"
        return f"No codec that compresses is {lacks}: {before}, stays."
    goal = "" if target is None else f"to a loss of {target:.4g} "
    least = f"{1 + margin:.3g} times is the least that is worth having"
    return f"{gain.design} is {times(gain)} as fast {goal}as {before}; {least}."


def table(candidates: Sequence[Candidate], *, piloted: bool) -> Iterator[str]:
    """A head, and a line for each candidate."""
    width = max(len(each.design) for each in candidates)
    yield f"  {'':{width}}      step       bytes    vNMSE     codec  exchange" + ("  pilot" if piloted else "")
    for each in candidates:
        error = f"{each.vnmse.value:.2g}{'*' if each.remembers else ''}"
        codec = each.encode + each.accumulate + each.decode
        cells = f"{each.step.value:10.3g}{megabytes(each.sent.total):>12}{error:>9}{codec:10.2g}{each.exchange:10.2g}"
        yield f"  {each.design:{width}}{cells}" + (f"  {_pilot(each)}" if piloted else "")


def _pilot(each: Candidate) -> str:
    if not each.piloted:
        return "none: it cannot win"
    if each.seconds_to_target is None:
        return "target not reached"
    return f"{each.seconds_to_target:.3g} s to the target in {each.steps:,.0f} steps"
