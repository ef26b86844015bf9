import _thread
import math
import signal
import threading

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    Deterministic,
    ExactError,
    Exponential,
    ExponentialError,
    Hyperexponential,
    JobDistribution,
    Log,
    LogNormal,
    SkipPredict,
    Stage,
    Stages,
    Weibull,
    expect,
    replay,
    simulate,
)
from beforehand.scheduling.simulation import draws
from beforehand.scheduling.simulation.draws import wanted_predictions
from tests.scheduling.every_policy import USUAL
from tests.scheduling.golden_queues import GOLDEN
from tests.scheduling.queues import GOLDEN_LOG, Unstaged

LAW = JobDistribution(Exponential(), ExponentialError(), ExponentialError())
VARIED = JobDistribution(Hyperexponential((0.525, 10.5), (0.952, 0.048)), ExactError())
RARE = Log([1.0] * 999 + [3000.0], expensive=[1.0] * 999 + [3000.0])
SERVER = {"cheap_work": 0.01, "expensive_work": 0.05}
TRUE = [
    (golden.policy, golden.distribution, load, true)
    for golden in GOLDEN
    for load, true in golden.rows
    if load in (0.7, 0.9) and not isinstance(golden.policy, LAS)
]


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "distribution", "load", "true"), TRUE, ids=str)
def test_simulated_means_are_the_golden_ones(policy, distribution, load, true):
    found = simulate(policy, distribution, load=load, jobs=2_000_000, seed=1)
    assert abs(found.response_time - true) < 4 * found.interval / 2.056
    assert found.interval < 0.02 * true


@pytest.mark.slow
@pytest.mark.parametrize("policy", USUAL, ids=str)
def test_memory_and_interruptions_are_those_of_theory(policy):
    found, true = simulate(policy, LAW, load=0.9, jobs=2_000_000, seed=1), expect(policy, LAW, load=0.9)
    assert found.memory == pytest.approx(true.memory, rel=0.01)
    assert found.interruptions == pytest.approx(true.interruptions, rel=0.01)


def test_classes_have_their_means():
    found = simulate(DelayPredict(1.0), LAW, load=0.9, jobs=1_000_000)
    assert found.short == pytest.approx(0.9696857767, rel=0.01)
    assert found.long == pytest.approx(18.6807024922, rel=0.05)
    assert found.expensive_calls == pytest.approx(math.exp(-1), rel=0.01)
    found = simulate(SkipPredict(1.0), LAW, load=0.9, jobs=1_000_000)
    assert (found.short, found.long) == (pytest.approx(1.2537381209, rel=0.01), pytest.approx(15.2533156012, rel=0.05))
    assert found.cheap_calls == 1
    assert found.expensive_calls == pytest.approx(1 - 0.720268236367, rel=0.01)
    assert math.isnan(simulate(FCFS(), LAW, load=0.9, jobs=100).short)


def test_small_quanta_come_close_to_foreground_background():
    assert simulate(LAS(quantum=1 / 32), LAW, load=0.7, jobs=400_000).response_time == pytest.approx(1 / 0.3, rel=0.02)


@pytest.mark.parametrize("size", [Exponential(2.0), Weibull(0.5), Deterministic(3.0)])
def test_first_come_first_served_is_known_without_noise(size):
    found = simulate(FCFS(), JobDistribution(size), load=0.8, jobs=50_000)
    rate = 0.8 / size.mean
    assert found.response_time == pytest.approx(rate * size.moment(2) / (2 * 0.2) + size.mean, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distribution", "jobs", "runs"),
    [(LAW, 20_000, 200), (VARIED, 45_000, 200), (RARE, 700_000, 40)],
    ids=["exponential", "hyperexponential", "two sizes"],
)
@pytest.mark.parametrize("policy", [SPRPT(), SPJF()], ids=str)
def test_intervals_hold_the_truth_as_often_as_they_say(policy, distribution, jobs, runs):
    true = expect(policy, distribution, load=0.8).response_time
    found = [simulate(policy, distribution, load=0.8, jobs=jobs, seed=seed) for seed in range(runs)]
    held = np.mean([abs(each.response_time - true) <= each.interval for each in found])
    assert 0.95 - 2.5 * math.sqrt(0.95 * 0.05 / runs) < held <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("policy", [FCFS(), SPRPT()], ids=str)
def test_so_do_those_without_control_variates(policy):
    true = expect(policy, LAW, load=0.8).response_time
    runs = [simulate(policy, LAW, load=0.8, jobs=60_000, seed=seed, control_variate=False) for seed in range(200)]
    assert 0.91 < np.mean([abs(each.response_time - true) <= each.interval for each in runs]) <= 0.99


@pytest.mark.parametrize(
    "distribution", [RARE, JobDistribution(LogNormal(scv=20.0), ExactError())], ids=["two sizes", "lognormal"]
)
def test_sizes_too_heavy_for_an_interval_have_none_whatever_the_run_looks_like(distribution):
    for seed in range(20):
        found = simulate(SPJF(), distribution, load=0.8, jobs=20_000, seed=seed)
        assert math.isnan(found.interval)
        assert found.jobs_needed > 500_000
    several = simulate(SPJF(), distribution, load=0.8, jobs=20_000, servers=2)
    assert several.jobs_needed > 5 * found.jobs_needed


def test_with_the_jobs_needed_there_is_an_interval():
    for options in ({}, {"warmup": 0.3}, {"batches": 1_500}, {"control_variate": False}):
        needed = int(simulate(SPRPT(), LAW, load=0.6, jobs=100, **options).jobs_needed)
        assert simulate(SPRPT(), LAW, load=0.6, jobs=needed, **options).interval > 0
        assert math.isnan(simulate(SPRPT(), LAW, load=0.6, jobs=needed - 2, **options).interval)


def test_known_means_cut_the_variance_but_do_not_move_the_mean():
    with_it = simulate(SPRPT(), LAW, load=0.8, jobs=500_000)
    without = simulate(SPRPT(), LAW, load=0.8, jobs=500_000, control_variate=False)
    assert with_it.variance_reduction > 3
    assert without.variance_reduction == 1
    assert abs(with_it.response_time - without.response_time) < 2 * without.interval


def test_a_simulation_is_the_replay_of_the_log_that_it_draws():
    distribution, policy = LAW, SkipPredict(1.0, **SERVER)
    jobs = draws.together(draws.draw(distribution, 0.8, 3000, 5, {"cheap", "expensive"}))
    log = Log(jobs.size, expensive=jobs.expensive, cheap=jobs.cheap, arrival=jobs.arrival)
    found = simulate(policy, distribution, load=0.8, jobs=3000, seed=5, warmup=0.0, control_variate=False)
    again = replay(policy, log)
    response = again.completion - log.arrival
    assert found.response_time == pytest.approx(response.mean(), rel=1e-12)
    assert found.max == response.max()
    assert found.interruptions * 3000 == pytest.approx(again.interruptions)
    for share, value in found.quantiles.items():
        assert value == pytest.approx(np.quantile(response, share), rel=0.02)


def test_results_do_not_depend_on_blocks(monkeypatch):
    whole = simulate(TRAIL(0.5), LAW, load=0.8, jobs=5000)
    monkeypatch.setattr(draws, "BLOCK", 321)
    assert simulate(TRAIL(0.5), LAW, load=0.8, jobs=5000) == whole


def test_every_policy_sees_the_same_jobs():
    one, other = (simulate(policy, LAW, load=0.9, jobs=100_000) for policy in (FCFS(), SPRPT()))
    assert one.utilization == pytest.approx(other.utilization, abs=1e-4)
    assert simulate(FCFS(), LAW, load=0.9, jobs=1000) == simulate(FCFS(), LAW, load=0.9, jobs=1000)
    assert simulate(FCFS(), LAW, load=0.9, jobs=1000) != simulate(FCFS(), LAW, load=0.9, jobs=1000, seed=1)


def test_a_policy_of_the_users_own_is_simulated_in_python():
    for servers in (1, 2):
        options = {"load": 0.8, "jobs": 3000, "servers": servers, "switch_cost": (0.0, 0.0)}
        mine, stock = simulate(Unstaged(SPRPT()), LAW, **options), simulate(SPRPT(), LAW, **options)
        for name in ("response_time", "interval", "max", "slowdown", "interruptions", "memory", "peak_memory",
                     "expensive_calls", "utilization", "jobs"):  # fmt: skip
            assert getattr(mine, name) == pytest.approx(getattr(stock, name), rel=1e-6, nan_ok=True), name
        assert math.isfinite(mine.interval) == (servers == 1)  # two servers take more jobs
        assert mine.quantiles == pytest.approx(stock.quantiles, rel=0.02)


def test_two_servers_know_the_delay_of_their_line():
    # M/M/2 at load .8: E[T] = 1 / (1 - .8 ** 2)
    found = simulate(FCFS(), LAW, load=0.8, servers=2, jobs=1_000_000)
    assert abs(found.response_time - 1 / (1 - 0.64)) < 2 * found.interval
    assert found.utilization == pytest.approx(0.8, rel=0.01)
    assert found.variance_reduction == 1


def test_switch_costs_take_time():
    free, dear = (simulate(SPRPT(), LAW, load=0.7, jobs=50_000, switch_cost=(c, c)) for c in (0.0, 0.2))
    assert dear.response_time > free.response_time
    assert dear.utilization > free.utilization


def test_predictions_that_overload_the_server_are_a_result():
    found = simulate(SPRPT(work=0.2), LAW, load=0.9, jobs=10_000)
    assert found.response_time == math.inf
    assert math.isnan(found.interval)


def test_few_jobs_have_no_interval():
    found = simulate(SkipPredict(1.0), LAW, load=0.99, jobs=1)
    assert found.jobs == 1
    assert math.isnan(found.interval)
    assert found.response_time == found.max
    assert found.jobs_needed > 500_000


def test_rows_of_a_log_are_a_distribution():
    log = Log([1, 2, 3], expensive=[1, 1, 4])
    # As in the queue with these three sizes and predictions, by the formula for SPRPT.
    found = simulate(FCFS(), log, load=0.5, jobs=100_000)
    assert found.response_time == pytest.approx(0.25 * (14 / 3) / (2 * 0.5) + 2, rel=1e-9)


def test_two_threads_at_once_get_what_each_gets_alone():
    alone = [simulate(SPRPT(), LAW, load=0.8, jobs=100_000, seed=seed) for seed in (1, 2)]
    found = [None, None]

    def work(place):
        found[place] = simulate(SPRPT(), LAW, load=0.8, jobs=100_000, seed=place + 1)

    threads = [threading.Thread(target=work, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_an_interrupt_is_heard_between_blocks(request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs behind
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        simulate(FCFS(), LAW, load=0.5, jobs=10**9)  # minutes, if nobody listens
    timer.join()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one"),
        ({"load": 1.0}, "load is 1.0"),
        ({"load": 0.5, "jobs": 0}, "jobs is 0, but must be a whole number from 1"),
        ({"load": 0.5, "jobs": 10.0}, "jobs is 10.0"),
        ({"load": 0.5, "servers": 257}, "servers is 257, but must be a whole number from 1 to 256"),
        ({"load": 0.5, "seed": -1}, "seed is -1"),
        ({"load": 0.5, "warmup": 1.0}, "warmup is 1.0, but must be below 1"),
        ({"load": 0.5, "batches": 9}, "batches is 9"),
        ({"load": 0.5, "quantiles": (1.5,)}, "quantiles is 1.5"),
        ({"load": 0.5, "switch_cost": (1.0,)}, "but must be two numbers: fixed, and per unit of age"),
        ({"load": 0.5, "switch_cost": (1.0, -1.0)}, r"switch_cost\[1\] is -1.0"),
        ({"load": 0.5, "switch_cost": (1e300, 0)}, r"switch_cost\[0\] is 1e\+300"),
        ({"load": 0.5, "quantiles": 0.5}, "quantiles is 0.5, but must be a sequence"),
        ({"load": 0.5, "control_variate": None}, "control_variate is None, but must be True or False"),
        ({"load": 1e-9}, "jobs is 1000000, which come within 1e.15 mean sizes.*take fewer jobs, or a higher load"),
    ],
)
def test_what_is_out_of_range_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        simulate(FCFS(), LAW, **options)


def test_a_replay_is_summed_up_in_means_over_its_jobs():
    log = Log([3.0, 1.0, 2.0, 2.0], arrival=[0, 1, 1, 12])
    found = replay(SPJF(), Log(log.size, expensive=log.size, arrival=log.arrival)).summary(log, quantiles=[0.0, 1.0])
    response = np.array([3, 3, 5, 2])
    assert found["response_time"] == response.mean()
    assert found["slowdown"] == np.mean(response / log.size)
    assert found["quantiles"] == {0.0: 2.0, 1.0: 5.0}
    assert (found["max"], found["jobs"], found["expensive_calls"], found["cheap_calls"]) == (5.0, 4, 1.0, 0.0)
    assert (found["interruptions"], found["demotions"]) == (0.0, 0.0)
    assert found["memory"] == pytest.approx((3**2 / 2 + 1 / 2 + 2 + 2) / 14)
    assert found["peak_memory"] == 3.0


def test_a_summary_wants_the_log_that_was_replayed():
    run = replay(FCFS(), Log([1.0, 2.0], arrival=[0, 1]))
    with pytest.raises(InvalidInput, match="log has no arrivals, but 2 jobs were replayed; pass that log"):
        run.summary(Log([1.0, 2.0]))
    with pytest.raises(InvalidInput, match="log has 1 jobs, but 2"):
        run.summary(Log([1.0], arrival=[0]))
    with pytest.raises(InvalidInput, match=r"quantiles is 1\.5"):
        run.summary(Log([1.0, 2.0], arrival=[0, 1]), quantiles=[1.5])


def test_a_replay_needs_arrivals():
    with pytest.raises(InvalidInput, match="log has no arrivals"):
        replay(FCFS(), Log([1.0]))


def test_a_replay_of_a_long_log_comes_in_parts_that_make_no_difference():
    rng = np.random.default_rng(0)
    log = Log(rng.exponential(size=150_000), arrival=np.cumsum(rng.exponential(1 / 0.8, size=150_000)))
    free = np.maximum.accumulate(log.arrival - np.concatenate([[0], np.cumsum(log.size)[:-1]]))
    np.testing.assert_allclose(replay(FCFS(), log).completion, np.cumsum(log.size) + free, rtol=1e-9)


def test_what_is_no_distribution_or_no_log_is_refused():
    with pytest.raises(InvalidInput, match=r"distribution is \[1, 2\], but must be a JobDistribution, or a Log"):
        simulate(FCFS(), [1, 2], load=0.5)
    with pytest.raises(InvalidInput, match="log is 3, but must be a Log; pass finished jobs"):
        replay(FCFS(), 3)


def test_quanta_that_no_run_would_get_through_are_refused():
    for run in (simulate, lambda policy, distribution, load: replay(policy, GOLDEN_LOG)):
        with pytest.raises(InvalidInput, match="quantum is 1e-09, but must be at least"):
            run(LAS(quantum=1e-9), LAW, load=0.5)


def test_arrivals_too_far_from_0_for_their_sizes_are_refused():
    with pytest.raises(InvalidInput, match=r"so far from 0 .* subtract the first arrival"):
        replay(FCFS(), Log([1e-3, 1e-3], arrival=[1.7e12, 1.8e12]))


def test_sizes_that_round_to_0_are_served_all_the_same():
    done = simulate(SPRPT(), JobDistribution(Weibull(0.1), ExactError()), load=0.5, jobs=20_000)
    assert done.jobs == 18_000


def test_a_tail_that_never_came_does_not_bend_the_mean_below_the_mean_size():
    distribution = JobDistribution(LogNormal(scv=1e6), ExactError())
    for seed in range(5):
        assert simulate(SPRPT(), distribution, load=0.5, jobs=10_000, seed=seed).response_time > 0


def test_a_short_job_whose_key_is_asked_for_must_have_it():
    table = Stages(long=(Stage(0, "size"),), short=(Stage(0, "size"),), threshold=1.0)
    with pytest.raises(InvalidInput, match="expensive is nan in row 0"):
        wanted_predictions(SPJF(), table, Log([1, 2], cheap=[0, 2], expensive=[math.nan, 1]))
