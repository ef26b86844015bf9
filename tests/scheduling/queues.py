"""Logs and policies that the tests of both engines share."""

from fractions import Fraction

import numpy as np

from beforehand.scheduling import FCFS, LAS, PSPJF, SPJF, SPRPT, TRAIL, DelayPredict, Log, OneBit, SkipPredict


def numbers(text):
    return [float(Fraction(word)) for word in text.split()]


GOLDEN_LOG = Log(
    numbers("4 1 2 1/2 3 1 2"),
    expensive=numbers("3 2 1 1 5 1/2 2"),
    cheap=numbers("2 1 1 1/2 3 1 3/2"),
    arrival=numbers("0 1 3/2 2 9/4 8 17/2"),
)
IN_ORDER = "4 5 7 15/2 21/2 23/2 27/2"
# policy, servers, completions, interruptions, demotions, memory
GOLDEN = [
    (FCFS(), 1, IN_ORDER, 0, 0, "141/8"),
    (OneBit(1.5, preemptive=False), 1, IN_ORDER, 0, 0, "141/8"),
    (SkipPredict(1.5, preemptive=False), 1, IN_ORDER, 0, 0, "141/8"),
    (SPJF(), 1, "4 15/2 6 13/2 21/2 23/2 27/2", 0, 0, "141/8"),
    (PSPJF(), 1, "15/2 9/2 7/2 4 27/2 9 11", 3, 0, "191/8"),
    (SPRPT(), 1, "13/2 15/2 7/2 4 27/2 9 11", 2, 0, "183/8"),
    (TRAIL(0.5), 1, "4 15/2 6 13/2 27/2 9 11", 1, 0, "153/8"),
    (OneBit(1.5), 1, "15/2 2 4 9/2 23/2 9 27/2", 2, 0, "173/8"),
    (SkipPredict(1.5), 1, "15/2 2 4 9/2 27/2 9 11", 2, 0, "181/8"),
    (DelayPredict(1.0), 1, "21/2 2 11/2 7/2 27/2 9 23/2", 1, 4, "305/8"),
    (LAS(quantum=1.0), 1, "27/2 2 13/2 7/2 25/2 9 11", 1, 6, "385/8"),
    (OneBit(1.5, cheap_work=0.125), 1, "75/8 17/8 17/4 39/8 99/8 73/8 115/8", 2, 2, None),
    (
        SkipPredict(1.5, cheap_work=0.125, expensive_work=0.25),
        1, "81/8 17/8 17/4 39/8 121/8 73/8 97/8", 2, 2, None,
    ),
    (DelayPredict(1.0, expensive_work=0.25), 1, "23/2 2 25/4 7/2 29/2 9 25/2", 1, 7, None),
    (SPRPT(), 2, "4 9/2 7/2 4 7 9 21/2", 1, 0, "151/8"),
    (SkipPredict(1.5), 2, "5 2 7/2 5/2 13/2 9 21/2", 1, 0, "153/8"),
]  # fmt: skip


def random_log(rng, jobs=40):
    """Few distinct values, so that sizes, predictions and arrivals tie; predictions may be 0."""
    draw = lambda low, high: rng.integers(low, high, jobs) / 4  # noqa: E731
    return Log(draw(1, 13), expensive=draw(0, 13), cheap=draw(0, 13), arrival=np.cumsum(draw(0, 10)))


class Unstaged:
    """A policy that the native engine does not know."""

    def __init__(self, policy):
        self.rank, self.review_age, self.asks = policy.rank, policy.review_age, policy.asks

    def stages(self):
        return None
