"""Random logs for tests, with ties, zero keys, over- and underestimates; and every policy that has a formula."""

from fractions import Fraction

from hypothesis import strategies as st

from beforehand.scheduling import FCFS, LAS, PSPJF, SPJF, SPRPT, TRAIL, DelayPredict, Log, OneBit, SkipPredict
from tests.scheduling import soap

NON_PREEMPTIVE = [SPJF(), SPJF(by="cheap"), OneBit(1.5, preemptive=False), SkipPredict(1.5, preemptive=False)]
EXTERNAL = [
    FCFS(), *NON_PREEMPTIVE, PSPJF(), PSPJF(by="cheap"), SPRPT(), SPRPT(by="cheap"),
    TRAIL(0.0), TRAIL(0.25), TRAIL(0.5), TRAIL(0.75, by="cheap"), TRAIL(1.0), OneBit(1.5),
    SkipPredict(1.5), SkipPredict(1.5, long_order="size"), SkipPredict(0.5),
    DelayPredict(1.0), DelayPredict(1.0, long_order="size"), DelayPredict(0.5),
]  # fmt: skip
WORKS = {"cheap_work": 0.0625, "expensive_work": 0.125}
ON_THE_SERVER = [
    OneBit(1.5, cheap_work=0.0625), SPRPT(work=0.125), SPRPT(by="cheap", work=0.0625),
    SkipPredict(1.5, **WORKS), SkipPredict(1.5, long_order="size", **WORKS), SkipPredict(1.5, expensive_work=0.125),
    DelayPredict(1.0, expensive_work=0.125), DelayPredict(1.0, long_order="size", expensive_work=0.125),
]  # fmt: skip
POLICIES = [*EXTERNAL, *ON_THE_SERVER]


ROWS = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 12), st.integers(1, 4)), min_size=1, max_size=6
).map(lambda rows: [(w, Fraction(x, 4), Fraction(y, 4), Fraction(z, 4)) for x, y, z, w in rows])
LOADS = st.integers(1, 14).map(lambda k: Fraction(k, 16))


def as_log(rows):
    weight, size, expensive, cheap = ([float(value) for value in column] for column in zip(*rows, strict=True))
    return Log(size, expensive=expensive, cheap=cheap, weight=weight)


def as_queue(policy, rows, load):
    """The same rows for the theorem, in the number type that they have, at a load of the jobs alone."""
    total = sum(w for w, *_ in rows)
    number = type(rows[0][1])
    mean = sum(w * x for w, x, *_ in rows) / number(total)
    table = LAS(quantum=1.0) if isinstance(policy, LAS) else policy
    return soap.Queue([soap.job(table, number(w) / total, x, y, z) for w, x, y, z in rows], load / mean)
