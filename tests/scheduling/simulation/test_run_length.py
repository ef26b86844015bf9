import math

import numpy as np
import pytest

from beforehand.scheduling import FCFS, Exponential, JobDistribution, Log, LogNormal, SkipPredict, simulate
from beforehand.scheduling.simulation import simulator
from beforehand.scheduling.simulation.run_length import jobs_needed, rarity, workload_error
from beforehand.scheduling.simulation.work import work_rows

LIGHT = work_rows(None, JobDistribution(Exponential(3.0)))
RARE = work_rows(None, Log([1.0] * 999 + [3000.0]))
HEAVY = work_rows(None, JobDistribution(LogNormal(scv=20.0)))


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8, 0.99])
def test_exponential_sizes_have_the_error_that_is_known(load):
    # Daley 1968: the variance of the sum of n waits of M/M/1, over n.
    variance = load * (2 + 5 * load - 4 * load**2 + load**3) / (1 - load) ** 4
    assert workload_error(*LIGHT, load) == pytest.approx(math.sqrt(variance) / (load / (1 - load)), rel=1e-9)


def test_the_error_is_that_of_many_runs(monkeypatch):
    found = []

    def spy(sums, *known):
        found.append(sums.of("found")[1:-1].sum() / sums.of("jobs")[1:-1].sum())
        return estimated(sums, *known)

    estimated = simulator.estimated
    monkeypatch.setattr(simulator, "estimated", spy)
    log = Log([1.0] * 9 + [5.0])
    for seed in range(400):
        simulate(FCFS(), log, load=0.6, jobs=20_000, seed=seed)
    error = workload_error(*work_rows(None, log), 0.6)
    assert np.std(found) / np.mean(found) * math.sqrt(18_000) == pytest.approx(error, rel=0.12)


def test_the_unit_of_work_does_not_matter():
    for controlled in (True, False):
        needed = jobs_needed(*RARE, 0.8, controlled=controlled)
        for unit in (1e-97, 1e90):
            assert jobs_needed(RARE[0] * unit, RARE[1], 0.8, controlled=controlled) == pytest.approx(needed, rel=1e-12)


def test_jobs_must_be_seen_that_make_up_the_second_moment():
    assert rarity(*RARE, 0.03) == pytest.approx(1000)
    # Above t lies the share e**-t (1 + t + t**2 / 2) of the second moment of exponential sizes.
    size = -np.log((np.arange(100_000) + 0.5) / 100_000)
    t = math.log(rarity(size, np.full(size.size, 1e-5), 0.03))
    assert math.exp(-t) * (1 + t + t * t / 2) == pytest.approx(0.03, rel=0.05)


def test_heavy_sizes_and_high_loads_take_long_runs():
    light, rare, heavy = (jobs_needed(*each, 0.8, controlled=True) for each in (LIGHT, RARE, HEAVY))
    assert 1_000 < light < 5_000
    assert 100 * light < rare < heavy
    assert jobs_needed(*LIGHT, 0.99, controlled=True) > 100 * light
    assert jobs_needed(*LIGHT, 0.8, controlled=False) > 10 * light


def test_work_on_predictions_counts():
    policy = SkipPredict(1.5, cheap_work=0.1, expensive_work=0.5)
    log = Log([1.0, 2.0, 4.0], cheap=[1.0, 2.0, 4.0], expensive=[1.0, 2.0, 4.0])
    work, weight = work_rows(policy.stages(), log)
    assert sorted(work[weight > 0].tolist()) == pytest.approx([1.1, 2.6, 4.6])


def test_an_overloaded_server_needs_jobs_without_end():
    assert jobs_needed(*LIGHT, 1.0, controlled=True) == math.inf
