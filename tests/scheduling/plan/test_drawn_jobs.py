"""Designs run on the same simulated jobs."""

from dataclasses import replace

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, LAS, SPJF, SPRPT, Log, LogFormula
from beforehand.scheduling.plan.curves import largest
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.setting import Setting
from tests.scheduling.designs import skewed

LOG = skewed(300)
SETTING = Setting(load=0.8, preemptive=True)


def test_every_policy_serves_the_same_jobs():
    drawn = DrawnJobs.like(LOG, SETTING, 5_000, 1)
    runs = [drawn.run(policy) for policy in (FCFS(), SPRPT(), SPJF(by="cheap"))]
    assert len(runs[0].size) == 4_500  # the first tenth warms up
    for run in runs[1:]:
        np.testing.assert_array_equal(run.size, runs[0].size)
        assert run.utilization == pytest.approx(runs[0].utilization, rel=0.02)
    assert all((run.response >= run.size - 1e-9).all() for run in runs)


def test_the_largest_jobs_wait_as_long_as_the_formula_says():
    sizes = np.arange(1.0, 201.0)
    log, setting = Log(sizes, expensive=sizes), Setting(load=0.6, preemptive=True)
    drawn = DrawnJobs.like(log, setting, 200_000, 1)
    wanted = largest(log, LogFormula(log), setting, SPRPT())
    found = drawn.run(SPRPT()).largest, drawn.run(FCFS()).largest
    assert found == pytest.approx(wanted, rel=0.05)
    assert found[0] > found[1]


def test_several_servers_share_the_work():
    two = replace(SETTING, servers=2)
    single, double = (DrawnJobs.like(LOG, setting, 20_000, 1) for setting in (SETTING, two))
    assert double.jobs.arrival[-1] == pytest.approx(single.jobs.arrival[-1] / 2)
    assert double.run(FCFS()).utilization == pytest.approx(0.8, abs=0.05)
    assert double.run(FCFS()).response.mean() < single.run(FCFS()).response.mean()


def test_predictions_that_overload_the_server_make_every_job_wait_for_ever():
    busy = Setting(load=0.9, expensive_cost=LOG.mean, charge="server", preemptive=True)
    run = DrawnJobs.like(LOG, busy, 1_000, 1).run(SPRPT(work=LOG.mean))
    assert np.isinf(run.response).all()


def test_at_next_to_no_load_a_job_takes_its_size():
    run = DrawnJobs.like(LOG, Setting(load=1e-12), 1_000, 1).run(FCFS())
    np.testing.assert_allclose(run.response, run.size, atol=1e-6)


def test_the_limit_of_las_runs_with_small_quanta():
    drawn = DrawnJobs.like(LOG, SETTING, 2_000, 1)
    np.testing.assert_array_equal(drawn.run(LAS(quantum=0)).response, drawn.run(LAS(quantum=LOG.mean / 32)).response)


def test_a_policy_gets_the_predictions_that_it_asks_for_or_an_error():
    with pytest.raises(InvalidInput, match="asks for expensive predictions, but there are none"):
        DrawnJobs.like(Log(LOG.size, cheap=LOG.cheap), SETTING, 100, 1).run(SPRPT())
