"""The rows of a log: what is kept sorted, and what weights and gates do."""

import math
import tracemalloc

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import Log
from beforehand.scheduling.formulas.log_rows import LogRows
from beforehand.scheduling.formulas.soap import Moments

SIZE = [1, 2, 0.5, 4, 1, 1.5]
LOG = Log(SIZE, expensive=[1, 1, 1, 3, 2, 0], cheap=[1, 2, 0.5, 3, 3, 0.5])


def remaining(rows, fraction):
    return rows.sweep("expensive", "remaining", 12 / 25, None, fraction=fraction).time


def test_a_gate_splits_sizes_into_shorts_and_longs():
    rows = LogRows(LOG)
    assert rows.split("cheap", 1.5) == (Moments(0.5, 0.5, 3.5 / 6), Moments(0.5, 7 / 6, 3.5))
    assert rows.split("cheap", 9.0)[1] == Moments(0, 0, 0)
    assert rows.below("cheap", 1.5).tolist() == [True, False, True, False, False, True]
    assert rows.all == Moments(1.0, 10 / 6, 24.5 / 6)


def test_every_fraction_has_its_own_order():
    rows = LogRows(LOG)
    for fraction in (0.2, 0.5, 0.2, 1.0, 0.0, 0.5):
        assert remaining(rows, fraction) == remaining(LogRows(LOG), fraction)


def test_other_weights_leave_the_first_ones_alone():
    rows = LogRows(LOG)
    before = remaining(rows, 1.0)
    weight = np.array([3, 1, 0, 2, 1, 5])
    drawn = rows.reweighted(weight)
    assert drawn.all.work == pytest.approx(np.average(SIZE, weights=weight), rel=1e-15)
    assert remaining(drawn, 1.0) != before
    assert remaining(rows, 1.0) == remaining(drawn.reweighted(np.ones(6)), 1.0) == before


def test_weights_are_copied():
    weight = np.ones(6)
    drawn = LogRows(LOG).reweighted(weight)
    weight[:] = 7
    assert remaining(drawn, 1.0) == remaining(LogRows(LOG), 1.0)


@pytest.mark.parametrize(
    "weight", [[1, 2], [[1] * 6], [1, 1, 1, 1, 1, -1], [0] * 6, [1, 1, 1, 1, 1, math.nan], [1, 1, 1, 1, 1, math.inf]]
)
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(InvalidInput, match="weight"):
        LogRows(LOG).reweighted(weight)


def test_many_fractions_take_no_more_memory_than_one():
    size = np.linspace(1.0, 2.0, 20_000)
    rows = LogRows(Log(size, expensive=size[::-1]))
    remaining(rows, 0.5)
    tracemalloc.start()
    for k in range(1, 20):
        remaining(rows, k / 20)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 10 * size.nbytes


@pytest.mark.parametrize("weight", [["a"] * 6, [1j] * 6, [10**400] * 6])
def test_weights_that_are_no_numbers_are_refused(weight):
    with pytest.raises(InvalidInput, match="weight must be numbers"):
        LogRows(LOG).reweighted(weight)
