import math

from beforehand.scheduling import (
    FCFS,
    LAMPS,
    SPJF,
    TRAIL,
    Boosted,
    DelayPredict,
    OneBit,
    ShortestWork,
    Skip,
    SkipPredict,
)


def test_a_label_says_what_differs_from_the_defaults():
    assert str(FCFS()) == "FCFS"
    assert str(SPJF(by="cheap")) == "SPJF(cheap)"
    assert str(TRAIL(0.8)) == "TRAIL(0.8)"
    assert str(DelayPredict(0.9, long_order="size")) == "DelayPredict(0.9, size)"
    assert str(SkipPredict(1.5, cheap_work=0.01)) == "SkipPredict(1.5, cheap_work=0.01)"
    assert str(OneBit(2, preemptive=False)) == "OneBit(2, non-preemptive)"
    assert str(OneBit(math.inf)) == "OneBit(inf)"
    assert str(ShortestWork(decode=0)) == "ShortestWork(decode=0)"
    assert str(LAMPS(after=False)) == "LAMPS(non-after)"
    assert str(Boosted(Skip(TRAIL(0.8), threshold=20), knee=9.5)) == "Boosted(Skip(TRAIL(0.8), 20), knee=9.5)"


def test_numbers_are_shown_to_four_digits_but_compared_in_full():
    assert str(SkipPredict(1.00001)) == str(SkipPredict(1)) == "SkipPredict(1)"
    assert SkipPredict(1.00001) != SkipPredict(1)
