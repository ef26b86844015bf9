import math
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core import Outcome
from beforehand.scheduling import FCFS, SPRPT, Log, LogFormula, simulate
from beforehand.scheduling.plan import resampling
from beforehand.scheduling.plan.candidates import evaluate
from beforehand.scheduling.plan.resampling import compared, costs, reweigh
from beforehand.scheduling.plan.setting import Setting

SIZES = np.random.default_rng(0).exponential(size=400)
LOG = Log(SIZES, expensive=SIZES * 1.1)


def test_a_seed_draws_the_same_logs_again():
    first, second = (list(reweigh(LOG, 5, seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
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


def test_simulated_designs_are_compared_on_the_resampled_logs_too(monkeypatch):
    monkeypatch.setattr(resampling, "SIMULATED_JOBS", 1_000)
    setting = Setting(load=0.5, servers=2)
    log = Log([1.0, 100.0], weight=[0.999, 0.001])  # a resample has the large job seldom, never or alone
    fcfs = evaluate("FCFS", FCFS(), LogFormula(log), replace(setting, servers=1))
    drawn = costs([fcfs, fcfs], log, LogFormula(log), setting, 6, seed=2)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 1])
    wanted = [
        simulate(FCFS(), Log(log.size, weight=weight), load=0.5, servers=2, jobs=1_000, seed=2 + i).response_time
        for i, weight in enumerate(reweigh(log, 6, seed=2))
    ]
    np.testing.assert_allclose(drawn[:, 0], wanted)


def test_the_saving_is_resampled_as_a_ratio_of_both_costs():
    setting, formula = Setting(load=0.8, preemptive=True), LogFormula(LOG)
    srpt, fcfs = evaluate("SPRPT", SPRPT(), formula, setting), evaluate("FCFS", FCFS(), formula, setting)
    expected, baseline, saving = compared(srpt, fcfs, LOG, formula, setting, 40, 1)
    drawn = costs([srpt, fcfs], LOG, formula, setting, 40, 1)
    assert expected == Outcome.of("SPRPT", srpt.cost, drawn[:, 0])
    assert baseline == Outcome.of("FCFS", fcfs.cost, drawn[:, 1])
    assert saving == Outcome.of("SPRPT", 1 - srpt.cost / fcfs.cost, 1 - drawn[:, 0] / drawn[:, 1])


def test_an_overloaded_design_saves_nothing():
    setting = Setting(load=0.9, expensive_cost=1.0, charge="server", preemptive=True)
    formula = LogFormula(LOG)
    lost = evaluate("SPRPT", SPRPT(work=1.0), formula, setting)
    assert lost.cost == math.inf
    drawn = costs([lost, evaluate("FCFS", FCFS(), formula, setting)], LOG, formula, setting, 10, 1)
    assert np.isinf(drawn[:, 0]).all()
