"""Laws that hold exactly, in fractions: of the theorem's own sums, and so of the sweep that must agree with them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beforehand.scheduling import LAS, LogFormula
from tests.scheduling.every_policy import EXTERNAL, NON_PREEMPTIVE, ON_THE_SERVER, WITH_FORMULA
from tests.scheduling.logs import LOADS, ROWS, as_log, as_queue


@given(ROWS, LOADS, st.sampled_from(WITH_FORMULA))
def test_unfinished_work_does_not_depend_on_the_order(rows, load, policy):
    queue = as_queue(policy, rows, load)
    assume(queue.load < 1)
    found = queue.rate * sum(job.weight * queue.attained(job) for job in queue.jobs)
    assert found == queue.workload


@given(ROWS, LOADS, st.sampled_from(NON_PREEMPTIVE))
def test_waiting_is_conserved_where_nobody_is_interrupted(rows, load, policy):
    queue = as_queue(policy, rows, load)
    waits = queue.rate * sum(job.weight * job.total * (queue.time(job) - job.total) for job in queue.jobs)
    residual = queue.rate * sum(job.weight * job.total**2 for job in queue.jobs) / 2
    assert waits == load * residual / (1 - load)
    formula = LogFormula(as_log(rows)).expect(policy, float(queue.rate), per_job=True)
    size, share = (np.array([float(row[at]) for row in rows]) for at in (1, 0))
    waits = np.average(size * (formula.per_job - size), weights=share) * float(queue.rate)
    assert waits == pytest.approx(float(load * residual / (1 - load)), rel=1e-12)


@given(ROWS, LOADS, st.sampled_from([*WITH_FORMULA, LAS(quantum=0)]))
def test_the_sweep_is_the_theorem(rows, load, policy):
    queue = as_queue(policy, rows, load)
    assume(queue.load < 1)
    found = LogFormula(as_log(rows)).expect(policy, float(queue.rate), per_job=True)
    assert found.response_time == pytest.approx(float(queue.response_time), rel=1e-12)
    assert found.per_job == pytest.approx([float(queue.time(job)) for job in queue.jobs], rel=1e-12)
    assert found.utilization == pytest.approx(float(queue.load), rel=1e-12)
    if policy in EXTERNAL:
        assert found.memory == pytest.approx(float(queue.memory), rel=1e-12)
        assert found.interruptions == pytest.approx(float(queue.interruptions), rel=1e-12, abs=1e-15)


@given(ROWS, LOADS, st.sampled_from(ON_THE_SERVER))
def test_a_server_can_keep_up_exactly_if_its_work_fits(rows, load, policy):
    queue = as_queue(policy, rows, load)
    assume(abs(queue.load - 1) > Fraction(1, 2**40))
    assert LogFormula(as_log(rows)).expect(policy, float(queue.rate)).stable == (queue.load < 1)
