import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAMPS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    Boosted,
    DelayPredict,
    ExactError,
    Exponential,
    JobDistribution,
    Log,
    OneBit,
    ShortestWork,
    Skip,
    SkipPredict,
    View,
    replay,
    simulate,
)
from beforehand.scheduling.policies import BANDS, FIRST, UNKNOWN
from beforehand.scheduling.policies.policy import is_timed
from beforehand.scheduling.serving import EngineView


def job(predicted, arrival=0.0, **fields):
    return View(arrival, 0, predicted=predicted, **fields)


class Ranked:
    """A policy of somebody else: whatever rank was given to it."""

    def __init__(self, rank, **more):
        self.value = rank
        self.__dict__ |= more

    def rank(self, view):
        return self.value

    def review_age(self, view):
        return math.inf

    def asks(self, view):
        return None

    def stages(self):
        return None


def poisson(jobs, load, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.exponential(size=jobs)
    return Log(size, expensive=size, arrival=np.cumsum(rng.exponential(1 / load, jobs)))


# The key


@pytest.mark.parametrize(("tokens", "seconds"), [(100, 0.278070), (1_000, 0.074928), (20_000, 2.76e-7)])
def test_head_starts_that_were_published_for_prompts_at_64_us_a_token(tokens, seconds):
    policy = Boosted(Ranked(64e-6 * tokens), boost=0.1, knee=0.1)
    assert -policy.rank(job(1.0)) == pytest.approx(seconds, rel=1e-3)
    assert policy.rank(job(1.0, arrival=50.0)) == pytest.approx(50.0 - seconds, abs=1e-6)


def test_far_below_the_knee_ten_times_less_is_worth_the_same_everywhere_and_far_above_nothing():
    policy = Boosted(SPJF(), boost=30.0, knee=1e6)
    starts = [policy.rank(job(10.0**power)) for power in (0, 1, 2)]
    assert np.diff(starts) == pytest.approx([30 * math.log(10)] * 2, rel=1e-4)
    assert policy.rank(job(1e8)) == pytest.approx(0.0, abs=1e-9)


def test_without_a_knee_it_is_the_logarithm():
    assert Boosted(SPJF(), boost=2.0, knee=math.inf).rank(job(7.0, arrival=5.0)) == 5.0 + 2.0 * math.log(7.0)


@given(rank=st.floats(1e-9, 1e6), knee=st.floats(1e-3, 1e6), boost=st.floats(1e-3, 1e6))
def test_the_logarithm_is_the_limit_of_large_knees(rank, knee, boost):
    near = Boosted(Ranked(rank), boost=boost, knee=1e12).rank(job(1.0)) + boost * math.log(1e12)
    assert near == pytest.approx(Boosted(Ranked(rank), boost=boost, knee=math.inf).rank(job(1.0)), abs=1e-5 * boost)


@given(
    arrival=st.floats(0, 1e9), rank=st.floats(0, 1e6), more=st.floats(0, 1e6),
    boost=st.floats(0, 1e6), knee=st.floats(1e-6, 1e9) | st.just(math.inf),
)  # fmt: skip
def test_a_lower_rank_never_starts_later(arrival, rank, more, boost, knee):
    low, high = (Boosted(Ranked(each), boost=boost, knee=knee).rank(job(1.0, arrival)) for each in (rank, rank + more))
    assert low <= high


@pytest.mark.parametrize("rank", [FIRST, *BANDS])
def test_what_comes_before_all_others_stays_there(rank):
    for boost in (0.0, 2.0, math.inf):
        assert Boosted(Ranked(rank), boost=boost, knee=1.0).rank(job(1.0, arrival=9.0)) == rank


def test_a_job_without_a_prediction_yet_counts_as_long_and_one_that_outlived_it_as_shortest():
    policy = Boosted(SPRPT(), boost=30.0, knee=10.0)
    assert policy.rank(View(3.0, 0)) == 3.0
    assert policy.rank(job(1.0, age=5.0)) == policy.rank(job(1.0, age=1.0)) > -1000
    assert Boosted(Ranked(UNKNOWN), boost=1.0, knee=math.inf).rank(job(1.0)) < UNKNOWN


# The limits, in an engine


@pytest.mark.parametrize("inner", [SPJF(), PSPJF(), SPRPT(), TRAIL(0.5)], ids=str)
def test_an_infinite_boost_is_the_inner_order_and_none_is_first_come_first_served(inner):
    log = poisson(400, 0.95)
    endless, none = Boosted(inner, boost=math.inf, knee=1.0), Boosted(inner, boost=0.0, knee=1.0)
    np.testing.assert_array_equal(replay(endless, log).completion, replay(inner, log).completion)
    np.testing.assert_allclose(replay(none, log).completion, replay(FCFS(), log).completion)


@pytest.mark.slow
def test_tails_of_a_light_tailed_queue_are_below_those_of_fcfs():
    # gamma = load * (E[exp(gamma * S)] - 1) has the solution 1 - load for exponential sizes: boost = knee = 1 / 0.2
    log = poisson(100_000, 0.8, seed=5)
    fcfs, none, boosted = (
        replay(policy, log).completion - log.arrivals_in_sizes()
        for policy in (FCFS(), Boosted(SPJF(), boost=0, knee=5), Boosted(SPJF(), boost=5, knee=5))
    )
    np.testing.assert_allclose(none, fcfs, rtol=1e-9)
    assert fcfs.mean() == pytest.approx(1 / (1 - 0.8), rel=0.03)
    assert boosted.mean() < 0.8 * fcfs.mean()
    for share in (0.99, 0.995, 0.999, 0.9995):
        assert np.quantile(boosted, share) < np.quantile(fcfs, share)


def test_it_can_be_simulated_on_drawn_jobs():
    exact = JobDistribution(Exponential(), ExactError())
    found = [
        simulate(policy, exact, load=0.8, jobs=4000, control_variate=False).response_time
        for policy in (SPJF(), Boosted(SPJF(), boost=5, knee=5), FCFS())
    ]
    assert found == sorted(found)


@pytest.mark.parametrize("scale", [0.25, 8.0])
def test_another_unit_of_time_changes_no_order(scale):
    log = poisson(300, 0.95)
    arrival = log.arrivals_in_sizes()
    scaled = Log(log.size * scale, expensive=log.expensive, arrival=arrival * scale)
    starts = [replay(Boosted(SPJF(), boost=5 * by, knee=5), each).start for each, by in ((log, 1.0), (scaled, scale))]
    np.testing.assert_allclose(starts[1], starts[0] * scale, rtol=1e-12)


@given(st.floats(0.01, 100), st.floats(0.1, 1e3), st.floats(0.1, 1e3))
def test_the_unit_of_ranks_does_not_matter_either(unit, rank, knee):
    keys = [Boosted(Ranked(rank * by), boost=3.0, knee=knee * by).rank(job(1.0)) for by in (1.0, unit)]
    assert keys[1] == pytest.approx(keys[0], rel=1e-6, abs=1e-9)


# The bound


def overtakings(policy, log):
    """Pairs of jobs (i, j) where j came after i and was served before it, while both waited."""
    order = np.argsort(replay(policy, log).start, kind="stable")
    for place, i in enumerate(order):
        for j in order[:place]:
            if j > i:
                yield i, j


@given(
    gaps=st.lists(st.sampled_from([0.0, 0.01, 0.5, 1.0, 7.0]), min_size=2, max_size=40),
    seed=st.integers(0, 2**16),
    boost=st.sampled_from([0.0, 0.5, 3.0, 20.0]),
    knee=st.sampled_from([0.1, 1.0, 30.0, math.inf]),
)
def test_nobody_is_overtaken_by_what_comes_later_than_the_bound(gaps, seed, boost, knee):
    rng = np.random.default_rng(seed)
    predicted = 10.0 ** rng.uniform(-3, 3, len(gaps))  # not what the jobs take: the bound rests on no prediction
    arrival = np.cumsum(gaps)
    policy = Boosted(SPJF(), boost=boost, knee=knee)
    start = [-policy.rank(job(each)) for each in predicted]
    for i, j in overtakings(policy, Log(rng.exponential(2.0, len(gaps)), expensive=predicted, arrival=arrival)):
        later = arrival[j] - arrival[i]
        assert later <= start[j] - start[i] + 1e-9
        assert later <= policy.bound(1e-3) + 1e-9


@pytest.mark.parametrize("knee", [0.5, 20.0])
def test_a_stream_of_the_shortest_jobs_holds_a_long_one_back_no_longer_than_the_bound(knee):
    # The server is busy at first; then the shortest jobs there are come faster than it can serve them, forever.
    tiny, size = 1e-3, np.concatenate([[1.0], np.full(2000, 0.25)])
    arrival = np.concatenate([[0.0, 0.1], 0.1 + 0.9 * 0.25 * np.arange(1, 2000)])
    predicted = np.concatenate([[1.0, 1e6], np.full(1999, tiny)])
    policy = Boosted(SPJF(), boost=10.0, knee=knee)
    found = replay(policy, Log(size, expensive=predicted, arrival=arrival))
    before = arrival[found.start < found.start[1]]
    bound = policy.bound(tiny)
    assert 0.9 * bound < before.max() - 0.1 < bound
    endless = replay(SPJF(), Log(size, expensive=predicted, arrival=arrival))
    assert endless.start[1] == endless.start.max()


def test_the_bound_is_what_the_shortest_job_gains():
    assert Boosted(SPJF(), boost=30.0, knee=265.0).bound(1.0) == pytest.approx(167, abs=1)
    assert Boosted(ShortestWork(), boost=30.0, knee=0.08).bound(8e-5) == pytest.approx(207, abs=1)
    assert Boosted(SPJF(), boost=30.0, knee=math.inf).bound(1.0) == math.inf
    assert Boosted(SPJF(), boost=math.inf, knee=1.0).bound(1.0) == math.inf
    assert Boosted(SPJF(), boost=0.0, knee=1.0).bound(1.0) == 0.0
    assert Boosted(SPJF(), boost=1.0, knee=1.0).bound(0.0) == pytest.approx(math.log(1e9), rel=1e-6)


# What it takes


@pytest.mark.parametrize(
    "inner",
    [FCFS(), LAS(quantum=1.0), OneBit(1.0), DelayPredict(1.0), SkipPredict(1.0), Boosted(SPJF())],
    ids=str,
)
def test_an_order_that_is_not_by_one_amount_is_refused(inner):
    with pytest.raises(InvalidInput, match=r"inner is \w+.*, but must rank by one positive amount; pass .* SPJF"):
        Boosted(inner)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"boost": -1.0}, "boost is -1.0, but must be at least 0"),
        ({"boost": math.nan}, "boost is nan"),
        ({"boost": 1e308}, "boost is 1e.308, but must be at most 1e.100, or inf"),
        ({"boost": "much"}, "boost is 'much', but must be a number"),
        ({"knee": 0.0}, "knee is 0.0, but must be at least 1e-100"),
        ({"knee": None}, "knee is None"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        Boosted(SPJF(), **options)
    with pytest.raises(InvalidInput, match="policy is 'spjf', but must be an object"):
        Boosted("spjf")


def test_numbers_must_be_there_before_it_ranks():
    auto = Boosted(SPJF())
    for act in (lambda: auto.rank(job(1.0)), lambda: auto.bound(1.0), lambda: replay(auto, poisson(3, 0.5))):
        with pytest.raises(InvalidInput, match=r"boost or knee 'auto', for which only .* find numbers; pass both"):
            act()
    assert auto.is_auto
    assert auto.frozen(boost=2.0, knee=3.0) == Boosted(SPJF(), boost=2.0, knee=3.0)
    assert Boosted(SPJF(), boost=7.0).frozen(boost=2.0, knee=3.0) == Boosted(SPJF(), boost=7.0, knee=3.0)


def test_it_asks_and_depends_as_its_inner_policy():
    assert Boosted(Skip(SPJF(), threshold=2.0)).asks(View(0.0, 0)) == "cheap"
    assert Boosted(LAMPS()).depends_on == "engine"
    assert Boosted(ShortestWork()).depends_on == "request"
    assert is_timed(Boosted(Ranked(1.0, timed=True)))
    assert not is_timed(Boosted(SPJF()))


def test_it_ranks_a_started_segment_first_as_its_inner_policy_does():
    engine = EngineView()
    assert Boosted(ShortestWork(), boost=1.0, knee=1.0).rank(job(3.0, started=True, engine=engine)) == FIRST
