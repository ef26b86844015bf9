"""Codecs over slow links, by real processes: which baseline they are judged by, and in what order they come."""

import itertools
import math
from typing import Final

from beforehand.gradients import THC, BlockInt, LowRank, TopKChunked
from beforehand.gradients.codec import Codec
from beforehand.reporting import Sheet
from beforehand.studies import over_links
from beforehand.studies.claims import Found, NotRun
from beforehand.studies.over_links import Ran

CODECS: Final[dict[str, Codec]] = {
    "THC, two-shot": THC(),
    "THC, filled lanes": THC(bits="lane"),
    "int8, two-shot": BlockInt(),
    "TopKChunked, 2 bits": TopKChunked(),
    "LowRank, rank 4": LowRank(),
}
HARSH: Final[dict[str, Codec]] = {  # fewer bytes still, and larger errors
    "TopKChunked, .5 bits": TopKChunked(bits_per_coordinate=0.5),
    "LowRank, rank 1": LowRank(rank=1),
}
RANKS: Final[dict[str, Codec]] = {f"rank {rank}": LowRank(rank=rank) for rank in (1, 2, 4, 8, 16, 32)}
TARGET, SECONDS = 2.5, 70


def stepped() -> list[Ran] | NotRun:
    """Steps over 50 Mb/s."""
    return over_links.train(CODECS, rate="50mbit", until={"steps": 15}, repeats=2)


def ranked() -> list[Ran] | NotRun:
    """Steps with growing ranks over 200 Mb/s."""
    return over_links.train(RANKS, rate="200mbit", until={"steps": 15}, repeats=2)


def trained() -> list[Ran] | NotRun:
    """Nine ways to a target over 25 Mb/s."""
    return over_links.train(CODECS | HARSH, rate="25mbit", until={"loss": TARGET, "seconds": SECONDS})


def sheets(steps: list[Ran] | NotRun, ranks: list[Ran] | NotRun, targets: list[Ran] | NotRun) -> list[Sheet]:
    """What ran."""
    few = "2 workers, 15 steps, median of 2 trainings."
    titled = (
        ("Steps of a language model over 50 Mb/s", steps, few),
        ("LowRank over 200 Mb/s, by rank", ranks, few),
        ("To a loss over 25 Mb/s", targets, f"2 workers until the loss is {TARGET}, at most {SECONDS} s, once each."),
    )
    return [
        over_links.sheet(title, ran, below, target=below != few)
        for title, ran, below in titled
        if not isinstance(ran, NotRun)
    ]


def baseline_decides(ran: list[Ran] | NotRun) -> Found | NotRun:
    """What is left of each gain over float32 when 16 bits are the baseline."""
    if isinstance(ran, NotRun):
        return ran
    single, half, *codecs = ran
    gained = [each for each in codecs if each.step < single.step]
    left = [max(half.step / each.step - 1, 0) / (single.step / each.step - 1) for each in gained]
    listed = "; ".join(f"{each.name}: {single.step / each.step:.2f} and {half.step / each.step:.2f}" for each in codecs)
    return Found(
        scale="2 workers, 50 Mb/s",
        figure=f"times as fast as float32 and as float16: {listed}; at most {100 * max(left):.0f} % of a gain is left",
        holds=max(left) <= 0.6,
        direction=max(left) < 1,
    )


def orders_differ(ran: list[Ran] | NotRun) -> Found | NotRun:
    """Kendall's tau of the order by time of a step and that by time to the target."""
    if isinstance(ran, NotRun):
        return ran
    by_step = sorted(ran, key=lambda each: each.step)
    by_target = sorted(ran, key=lambda each: (each.reached, each.loss))
    tau = kendall([each.name for each in by_step], [each.name for each in by_target])
    told = [
        f"{each.name} ({each.loss:.2f})" if math.isinf(each.reached) else f"{each.name} ({each.reached:.0f} s)"
        for each in by_target
    ]
    return Found(
        scale=f"2 workers, 25 Mb/s, loss {TARGET} in {SECONDS} s",
        figure=f"by time of a step: {'; '.join(each.name for each in by_step)}. By time to the target, else by loss at "
        f"equal time: {'; '.join(told)}. Kendall's tau {tau:.2f}",
        holds=tau < 1,
    )


def kendall(first: list[str], second: list[str]) -> float:
    """1 for equal orders of the same names, -1 for opposite ones."""
    signs = [1 if second.index(a) < second.index(b) else -1 for a, b in itertools.combinations(first, 2)]
    return sum(signs) / len(signs)


def rank_does_not_decide(ran: list[Ran] | NotRun) -> Found | NotRun:
    """How bytes and steps grow from the lowest rank to the highest."""
    if isinstance(ran, NotRun):
        return ran
    low, high = ran[2], ran[-1]
    sent, step = high.megabytes / low.megabytes, high.step / low.step
    return Found(
        scale="a model of 1.4 million parameters, 2 workers, 200 Mb/s",
        figure=f"from {low.name} to {high.name} bytes grow {sent:.1f} times, the time of a step {step:.1f} times",
        holds=step <= sent / 2,
        direction=step < sent,
    )
