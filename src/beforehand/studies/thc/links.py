"""THC beside 16 bits over a slow link, by real processes."""

import math

from beforehand.gradients import THC
from beforehand.reporting import Sheet
from beforehand.studies import over_links
from beforehand.studies.claims import Found, NotRun
from beforehand.studies.over_links import Ran

RATE, TARGET, SECONDS = "50mbit", 2.5, 90


def trained() -> list[Ran] | NotRun:
    """Two workers who share out the adding."""
    until = {"loss": TARGET, "seconds": SECONDS}
    return over_links.train({"THC, two-shot": THC()}, rate=RATE, until=until, repeats=2)


def sheet(ran: list[Ran]) -> Sheet:
    """Plain sums and THC."""
    below = f"2 workers until the loss is {TARGET}, at most {SECONDS} s, median of 2."
    return over_links.sheet("A language model over 50 Mb/s", ran, below, target=True)


def is_faster(ran: list[Ran] | NotRun) -> Found | NotRun:
    """Steps and seconds to the target, of 16 bits over THC's."""
    if isinstance(ran, NotRun):
        return ran
    _, half, thc = ran
    step = half.step / thc.step
    if math.isinf(thc.reached):
        ratio, sooner = f"neither reached it in {SECONDS} s", thc.loss < half.loss
    elif math.isinf(half.reached):
        ratio, sooner = f"THC {thc.reached:.0f} s, 16 bits not in {SECONDS} s", True
    else:
        ratio, sooner = f"{half.reached / thc.reached:.2f} times as soon", half.reached > thc.reached
    return Found(
        scale="a model of 1.4 million parameters, 2 workers, 50 Mb/s",
        figure=f"steps {step:.2f} times as fast as with 16 bits, and {ran[0].step / thc.step:.2f} times as with 32; "
        f"loss {TARGET}: {ratio}",
        holds=step >= 1.3 and sooner,
        direction=step > 1,
    )
