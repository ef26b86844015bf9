import math

import numpy as np
import pytest

from beforehand.core import Outcome
from beforehand.scheduling import FCFS, SPRPT, Log, LogFormula
from beforehand.scheduling.plan.candidates import Setting, evaluate
from beforehand.scheduling.plan.resampling import costs, judge, outcome, reweigh

SIZES = np.random.default_rng(0).exponential(size=400)
LOG = Log(SIZES, expensive=SIZES * 1.1)


def test_a_seed_draws_the_same_logs_again():
    first, again = (list(reweigh(LOG, 5, seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_each_row_is_drawn_once_on_average_and_weights_are_kept():
    weighted = Log(SIZES, weight=np.arange(1, 401))
    draws = np.array(list(reweigh(weighted, 400, seed=0)))
    counts = draws / weighted.weight
    np.testing.assert_allclose(counts, counts.round(), atol=1e-9)
    assert counts.mean() == pytest.approx(1, abs=0.01)
    assert counts.var() == pytest.approx(1, abs=0.02)


def test_a_log_of_one_row_is_never_drawn_empty():
    assert all(weight.sum() > 0 for weight in reweigh(Log([1.0]), 50, seed=0))


def test_designs_are_compared_on_the_same_logs():
    setting = Setting(load=0.8, preemptive=True)
    formula = LogFormula(LOG)
    tried = [evaluate("FCFS", FCFS(), formula, setting), evaluate("SPRPT", SPRPT(), formula, setting)]
    drawn = costs([tried[0], tried[1], tried[0]], LOG, formula, setting, 30, seed=1)
    assert drawn.shape == (30, 3)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])
    spread = (drawn[:, 1] / drawn[:, 0]).std() / (drawn[:, 1].std() / drawn[:, 0].mean())
    assert spread < 1.5  # their ratio varies no more than one of them does
    assert np.median(drawn[:, 0]) == pytest.approx(tried[0].cost, rel=0.1)


def test_an_interval_holds_95_of_a_hundred_draws_and_the_value():
    found = outcome("SPRPT", 50.0, np.arange(101.0))
    assert (found.low, found.high) == (2.5, 97.5)
    assert outcome("SPRPT", 200.0, np.arange(101.0)).high == 200.0
    assert outcome("SPRPT", 3.0, np.empty(0)) == Outcome("SPRPT", 3.0, 3.0, 3.0)
    assert outcome("SPRPT", 3.0, np.array([2.0, math.inf])).high == 3.0


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.06, 0.3, "worth it"), (0.01, 0.3, "unclear"), (-0.2, 0.05, "don't bother")]
)
def test_a_verdict_is_certain_or_says_so(low, high, verdict):
    assert judge(Outcome("SPRPT", (low + high) / 2, low, high), 0.05) == verdict
