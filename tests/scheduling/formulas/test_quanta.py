import numpy as np
import pytest

from beforehand.scheduling import FCFS, LAS, Log, expect, simulate
from beforehand.scheduling.formulas.quanta import in_quanta

random = np.random.default_rng(0)
LOG = Log(random.exponential(size=300) ** 2)
TIED = Log([1.0, 1.0, 2.0, 3.0, 3.0, 0.5], weight=[1, 2, 1, 1, 3, 1])


@pytest.mark.parametrize("log", [LOG, TIED], ids=["distinct", "tied and weighted"])
@pytest.mark.parametrize("quantum", [0.5, 1.0, 2.5])
def test_a_simulation_agrees(log, quantum):
    rate = 0.7 / log.mean
    simulated = simulate(LAS(quantum=quantum), log, rate=rate, jobs=400_000, seed=1)
    assert abs(in_quanta(quantum, log, rate) - simulated.response_time) <= 1.5 * simulated.interval


@pytest.mark.parametrize("log", [LOG, TIED], ids=["distinct", "tied and weighted"])
def test_the_limits_are_first_come_first_served_and_ever_smaller_quanta(log):
    rate = 0.8 / log.mean
    for quantum in (log.size.max(), 1e100):
        assert in_quanta(quantum, log, rate) == pytest.approx(expect(FCFS(), log, rate=rate).response_time, rel=1e-12)
    limit = expect(LAS(quantum=0), log, rate=rate).response_time
    errors = [abs(in_quanta(quantum, log, rate) - limit) for quantum in (1e-2, 1e-3, 1e-4)]
    assert errors[2] < errors[1] < errors[0] < 0.1 * limit
    for quantum in (1e-90, 5e-324):
        assert in_quanta(quantum, log, rate) == pytest.approx(limit, rel=1e-9)


def test_a_job_that_ends_with_its_quantum_does_not_begin_another():
    log = Log([1.0, 1.0])
    assert in_quanta(1.0, log, 0.5) == pytest.approx(expect(FCFS(), log, rate=0.5).response_time)
