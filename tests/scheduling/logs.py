"""Random logs for tests, with ties, zero keys, over- and underestimates."""

from fractions import Fraction

from hypothesis import strategies as st

from beforehand.scheduling import LAS, Log
from tests.scheduling import soap

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
