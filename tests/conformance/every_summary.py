"""Every summary of streams, and a stream to count with it. One line adds one."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from beforehand.streams import (
    CountMin,
    CountSketch,
    LearnedSlidingWindow,
    LearnedSpaceSaving,
    LookupTable,
    SlidingWindow,
    SpaceSaving,
)
from beforehand.streams.summary import Merging

STREAM = (np.random.default_rng(0).zipf(1.2, 6_000) % 900).astype(np.int64)
KEYS, TRUE = np.unique(STREAM, return_counts=True)


@cache
def table(text: bool = False) -> LookupTable:
    """A predictor that knows the heaviest keys."""
    heaviest = KEYS[np.argsort(-TRUE)[:50]]
    return LookupTable(entries=50).fit([str(key) for key in heaviest] if text else heaviest, np.sort(TRUE)[::-1][:50])


class Kind(NamedTuple):
    """How a summary is made for keys that are text or not, and what it does not promise."""

    make: Callable[[bool], Any]
    certified: bool = True  # bounds hold for every key, not only with some probability
    window: int | None = None  # only so many arrivals count, each as one


def learned(policy: str, **options: Any) -> Kind:
    return Kind(lambda text: LearnedSpaceSaving(table(text), memory="4KiB", policy=policy, **options))


SUMMARIES = {
    "exact": Kind(lambda _: SpaceSaving(capacity=60)),
    "exact with deletions": Kind(lambda _: SpaceSaving(capacity=60, deletions=True)),
    "assoc": Kind(lambda _: SpaceSaving(memory="1KiB", policy="assoc")),
    "filtered": Kind(lambda _: SpaceSaving(memory="2KiB", policy="filtered")),
    "gated": Kind(lambda _: SpaceSaving(memory="2KiB", policy="gated")),
    "calibrated": learned("calibrated"),
    "lss": learned("lss", light=2.0, heavy=6.0),
    "lss+": learned("lss+", light=2.0, heavy=6.0),
    "Count-Min": Kind(lambda _: CountMin(width=50, conservative=False)),
    "conservative Count-Min": Kind(lambda _: CountMin(width=50)),
    "Count-Sketch": Kind(lambda _: CountSketch(width=50), certified=False),
    "window": Kind(lambda _: SlidingWindow(700, memory="2KiB"), window=700),
    "window of many blocks": Kind(lambda _: SlidingWindow(700, blocks=300, counters=20), window=700),
    "window with a doorkeeper": Kind(lambda _: SlidingWindow(2_500, memory="4KiB", filter="doorkeeper"), window=2_500),
    "sampled window": Kind(lambda _: SlidingWindow(700, memory="2KiB", sample=0.5), certified=False, window=700),
    "learned window": Kind(lambda text: LearnedSlidingWindow(table(text), 700, memory="2KiB"), window=700),
}


def truth(kind, stream=STREAM):
    """How often each of KEYS came, as far as it counts."""
    counted = stream if kind.window is None else stream[-kind.window :]
    return np.bincount(counted, minlength=900)[KEYS]


def summary(kind, keys=(), text=False):
    made = kind.make(text)
    made.update(keys)
    return made


def merging(kind):
    """Whether such summaries merge; those of LSS have cells too small for sums, and say so."""
    made = kind.make(False)
    return isinstance(made, Merging) and getattr(made, "policy", None) != "lss"


def check_bounds(made, true, keys=KEYS):
    """The true weights are within the bounds, those within each other, and keys that never came may be 0."""
    lower, upper = made.bounds(keys)
    assert (lower <= true).all()
    assert (true <= upper).all()
    strangers = made.bounds(np.arange(10_000, 10_300))
    assert (strangers[0] == 0).all()
    widest = max((upper - lower).max(), (strangers[1] - strangers[0]).max())
    assert widest <= made.error_bound


def same_answers(one, other, keys=KEYS):
    for mine, theirs in zip(
        (one.estimate(keys), *one.bounds(keys)), (other.estimate(keys), *other.bounds(keys)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
