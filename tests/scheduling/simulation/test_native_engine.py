import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, Stage, Stages, replay
from beforehand.scheduling.simulation import native_engine, reference_engine
from beforehand.scheduling.simulation.draws import Jobs
from beforehand.scheduling.simulation.estimate import Batching
from tests.scheduling.every_policy import EVERY
from tests.scheduling.queues import GOLDEN, GOLDEN_LOG, numbers, random_log


@pytest.mark.parametrize(("policy", "servers", "completions", "interruptions", "demotions", "memory"), GOLDEN)
def test_the_worked_example_comes_out_exactly(policy, servers, completions, interruptions, demotions, memory):
    done = replay(policy, GOLDEN_LOG, servers=servers)
    assert done.completion.tolist() == numbers(completions)
    assert (done.interruptions, done.demotions) == (interruptions, demotions)
    if memory:
        assert done.memory == numbers(memory)[0]


def both(policy, log, servers, switch_cost, warmup=0, batches=1):
    options = {
        "servers": servers,
        "switch_cost": switch_cost,
        "batching": Batching(len(log), warmup, batches),
        "shares": (0.0, 0.5, 1.0),
    }
    jobs = Jobs(log.arrival, log.size, log.expensive, log.cheap)
    parts = [jobs.part(slice(first, first + 7)) for first in range(0, len(log), 7)]
    native = native_engine.serve(policy.stages(), parts, keep=True, **options)
    return native, reference_engine.serve(policy, parts, **options)


@pytest.mark.parametrize("servers", [1, 2, 3])
@pytest.mark.parametrize("switch_cost", [(0.0, 0.0), (0.5, 0.25)])
def test_both_engines_agree_on_random_logs(servers, switch_cost):
    rng = np.random.default_rng(servers)
    for _ in range(34):
        log = random_log(rng, jobs=25)
        for policy in rng.choice(np.array(EVERY, dtype=object), 3):
            native, reference = both(policy, log, servers, switch_cost, warmup=5, batches=4)
            for name in ("start", "completion"):
                np.testing.assert_allclose(getattr(native, name), getattr(reference, name), rtol=1e-9, err_msg=policy)
            np.testing.assert_allclose(native.sums.table, reference.sums.table, rtol=1e-9, atol=1e-9, err_msg=policy)
            assert native.slowest == pytest.approx(reference.slowest)
            assert native.peak_memory == pytest.approx(reference.peak_memory, abs=1e-9)


@pytest.mark.parametrize("policy", EVERY, ids=str)
def test_each_stock_policy_ranks_as_its_stages_do(policy):
    for seed in range(3):
        native, reference = both(policy, random_log(np.random.default_rng(seed)), 1, (0.0, 0.0))
        np.testing.assert_allclose(native.completion, reference.completion, rtol=1e-9)
        np.testing.assert_allclose(native.sums.table, reference.sums.table, rtol=1e-9, atol=1e-9)


def test_many_servers_never_let_a_job_wait():
    log = random_log(np.random.default_rng(3))
    done = replay(FCFS(), log, servers=256)
    assert done.completion.tolist() == (log.arrival + log.size).tolist()


def test_stages_with_keys_in_two_bands_are_refused():
    table = Stages(long=(Stage(0, "remaining", 1.0), Stage(1, "size")))
    with pytest.raises(InvalidInput, match="bands 0 and 1, but all such stages must share one"):
        native_engine.serve(table, [], servers=1, switch_cost=(0.0, 0.0), batching=Batching(1, 0, 1))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (Stages(long=()), "stages of long jobs are missing"),
        (Stages(long=(Stage(0, "fcfs"),), threshold=1.0), "stages of short jobs are missing"),
        (Stages(long=(Stage(0, "fcfs", 1.0),)), "stages of long jobs end before the job may"),
        (Stages(long=(Stage(0, "fcfs", math.nan),)), "length that is negative or nan"),
        (Stages(long=(Stage(0, "fcfs", prediction=True),)), "prediction work without a fixed length"),
        (Stages(long=(Stage(0, "attained", 0.0),)), "a quantum of service above 0"),
        (Stages(long=(Stage(0, "attained", 1.0), Stage(0, "fcfs"))), "must be the only stage"),
        (Stages(long=(Stage(1001, "fcfs"),)), "have band 1001, but bands go from -1000 to 1000"),
    ],
)
def test_stages_in_which_a_job_could_get_lost_are_refused(table, message):
    with pytest.raises(InvalidInput, match=message):
        native_engine.serve(table, [], servers=1, switch_cost=(0.0, 0.0), batching=Batching(1, 0, 1))


def test_columns_that_do_not_fit_are_refused():
    short = Jobs(np.arange(3.0), np.ones(2), None, None)
    with pytest.raises(InvalidInput, match="columns of jobs differ in length"):
        native_engine.serve(FCFS().stages(), [short], servers=1, switch_cost=(0.0, 0.0), batching=Batching(3, 0, 1))


@pytest.mark.parametrize("size", [0.0, math.nan, math.inf])
def test_a_job_without_a_size_is_refused(size):
    jobs = Jobs(np.zeros(1), np.array([size]), None, None)
    with pytest.raises(InvalidInput, match=f"size of job 0 is {size:g}, but must be above 0 and finite"):
        native_engine.serve(FCFS().stages(), [jobs], servers=1, switch_cost=(0.0, 0.0), batching=Batching(1, 0, 1))
