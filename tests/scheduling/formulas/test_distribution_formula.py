import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    BinnedError,
    BoundedPareto,
    DelayPredict,
    Deterministic,
    ExactError,
    Exponential,
    ExponentialError,
    Hyperexponential,
    IndependentError,
    JobDistribution,
    Log,
    LogNormal,
    LogNormalError,
    OneBit,
    SkipPredict,
    UniformError,
    Weibull,
    expect,
    processor_sharing,
)
from beforehand.scheduling.formulas.newest_first import one_bit_newest_first
from tests.scheduling.every_policy import USUAL
from tests.scheduling.golden_queues import (
    BEST_BITS,
    CLASSES,
    EXACT,
    EXPONENTIAL,
    GOLDEN,
    INSIDE,
    NEWEST_FIRST,
    WEIBULL,
    lognormal,
    mean,
)

SMOOTH = [
    EXPONENTIAL,
    EXACT,
    WEIBULL,
    lognormal(0.3),
    JobDistribution(Exponential(), UniformError(0.5), UniformError(1.0)),
]


def close(value, relative=1e-8):
    return pytest.approx(value, rel=relative)


def crossing(function, low, high):
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (function(middle) > 0) == (function(low) > 0) else (low, middle)
    return low


def is_best(value, threshold, best):
    assert value(threshold) == close(best, 3e-7)
    assert value(threshold) < min(value(threshold * 0.98), value(threshold * 1.02))


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_means_are_the_golden_ones(golden):
    for load, response in golden.rows:
        assert mean(golden.policy, golden.distribution, load) == close(response)


@pytest.mark.parametrize(("policy", "short", "long"), CLASSES, ids=str)
def test_class_means_are_the_golden_ones(policy, short, long):
    found = expect(policy, EXPONENTIAL, load=0.9)
    assert (found.short, found.long) == (close(short), close(long))


@pytest.mark.parametrize(("policy", "load", "memory", "interruptions"), INSIDE, ids=str)
def test_memory_and_interruptions_are_the_golden_ones(policy, load, memory, interruptions):
    found = expect(policy, EXPONENTIAL, load=load)
    assert found.interruptions == close(interruptions)
    assert memory is None or found.memory == close(memory)


@pytest.mark.parametrize("load", NEWEST_FIRST)
def test_newest_first_is_the_golden_one(load):
    assert one_bit_newest_first(1.0, EXPONENTIAL, load=load).response_time == close(NEWEST_FIRST[load])


@pytest.mark.parametrize(("size", "load"), BEST_BITS, ids=str)
def test_the_best_thresholds_of_one_bit_are_the_golden_ones(size, load):
    digits = [float(word) for word in BEST_BITS[size, load].split()]
    pairs = iter(zip(digits[::2], digits[1::2], strict=True))
    for error in (ExactError(), ExponentialError()):
        distribution = JobDistribution(size, cheap=error)
        for value in (
            lambda t, distribution=distribution: mean(OneBit(t, preemptive=False), distribution, load),
            lambda t, distribution=distribution: one_bit_newest_first(t, distribution, load=load).response_time,
            lambda t, distribution=distribution: mean(OneBit(t), distribution, load),
        ):
            best, threshold = next(pairs)
            is_best(value, threshold, best)


def test_calls_are_the_share_of_jobs_that_are_asked_about():
    found = expect(SkipPredict(1.0), EXPONENTIAL, load=0.5, cheap_cost=0.5, expensive_cost=2.0)
    assert (found.cheap_calls, found.expensive_calls) == (1.0, close(1 - 0.720268236367, 1e-11))
    assert found.cost == close(found.response_time + 0.5 + 2 * found.expensive_calls, 1e-14)
    assert expect(SkipPredict(1.0), lognormal(0.3), load=0.5).expensive_calls == close(1 - 0.61824354, 3e-8)
    assert expect(DelayPredict(1.0), EXPONENTIAL, load=0.5).expensive_calls == close(1 / math.e, 1e-12)
    assert expect(SPRPT(by="cheap"), EXPONENTIAL, load=0.5).cheap_calls == 1.0
    assert expect(TRAIL(0.0), EXPONENTIAL, load=0.5).expensive_calls == 1.0


def test_prices_decide_at_the_golden_loads():
    def cost(policy, load):
        return expect(policy, EXPONENTIAL, load=load, cheap_cost=0.5, expensive_cost=2.0).cost

    bit, skip = OneBit(1.0), SkipPredict(1.0)
    srv_bit, srv_skip = OneBit(1.0, cheap_work=0.01), SkipPredict(1.0, cheap_work=0.01, expensive_work=0.05)
    for a, b, load in [(FCFS(), bit, 0.6102818), (bit, skip, 0.8487395), (FCFS(), skip, 0.7222140)]:
        assert crossing(lambda at, a=a, b=b: cost(a, at) - cost(b, at), 0.3, 0.95) == close(load, 1e-6)
    gap = crossing(lambda at: mean(srv_bit, EXPONENTIAL, at) - mean(srv_skip, EXPONENTIAL, at), 0.3, 0.95)
    assert gap == close(0.6005419, 1e-6)


def test_the_expensive_prediction_breaks_even_at_the_golden_prices():
    for load, price in ((0.5, 0.0979744626), (0.8, 1.1473854735), (0.9, 4.1700642260)):
        skip = expect(SkipPredict(1.0), EXPONENTIAL, load=load)
        assert (mean(OneBit(1.0), EXPONENTIAL, load) - skip.response_time) / skip.expensive_calls == close(price)


def test_the_best_thresholds_of_skip_predict_are_the_golden_ones():
    def cost(load, cheap, expensive):
        return lambda t: expect(SkipPredict(t), EXPONENTIAL, load=load, cheap_cost=cheap, expensive_cost=expensive).cost

    is_best(cost(0.9, 0.5, 2.0), 1.51706, 6.1686494501)
    is_best(cost(0.8, 0.5, 2.0), 1.85385, 4.1415483022)
    is_best(cost(0.5, 0.5, 2.0), 4.44359, 2.4264841162)
    is_best(cost(0.9, 0.0, 0.0), 0.17669, 5.0700146451)  # below SPRPT: the bit tells more


def test_a_server_that_predicts_itself_into_overload_is_a_result():
    for policy, load in (
        (SPRPT(work=0.05), 0.9523810),
        (SkipPredict(1.0, cheap_work=0.01, expensive_work=0.05), 0.9765753),
    ):
        assert expect(policy, EXPONENTIAL, load=load - 1e-6).stable
        found = expect(policy, EXPONENTIAL, load=load + 1e-6, expensive_cost=1.0)
        assert (found.stable, found.response_time, found.cost) == (False, math.inf, math.inf)
        assert found.utilization > 1


def test_delay_predict_pays_where_the_cheap_prediction_is_dear():
    found = expect(DelayPredict(0.69792), EXPONENTIAL, load=0.9, cheap_cost=4, expensive_cost=5)
    assert found.cost == close(9.247416, 1e-7)


def bessel_k(order, x):
    # The integral of exp(-x cosh t) cosh(order t) over t > 0; the trapezoid rule converges at once, as it ends so flat.
    t = np.linspace(0, 30, 3001)[:, None]
    with np.errstate(over="ignore", under="ignore"):
        values = np.exp(-np.asarray(x) * np.cosh(t) + np.log(np.cosh(order * t)))
    values[0] /= 2
    return 0.01 * values.sum(axis=0)


def test_exponential_queues_agree_with_their_bessel_forms():
    nodes, weights = leggauss(24)
    edges = np.concatenate([[0.0], np.geomspace(1e-12, 400.0, 60)])
    half = np.diff(edges)[:, None] / 2
    v, w = (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()
    s, e = 2 * np.sqrt(v), math.e
    k0, k1, k2, k3 = (bessel_k(order, s) for order in range(4))
    for load in (0.3, 0.7, 0.9):
        left = 1 - load * (1 - 2 * v * k2)
        waits = 2 * k0 * load * (2 - (4 / e) * v**1.5 * k3) / (2 * left**2)
        response = 1 / e + np.sum(w * (waits + (1 - 1 / e) * s * k1 / left))
        assert mean(SPRPT(), EXPONENTIAL, load) == close(response, 1e-10)
        for threshold in (0.4, 1.0, 2.5):
            z = 2 * math.sqrt(threshold)
            c1, c2 = 1 - z * bessel_k(1, z), 1 - 2 * threshold * bessel_k(2, z)
            t1 = load * (1 - load * c1) / ((1 - load) * (1 - load * c2)) + 1
            t2 = (1 - load * c1) / ((1 - load) * (1 - load * c2))
            newest = one_bit_newest_first(threshold, EXPONENTIAL, load=load).response_time
            assert mean(OneBit(threshold, preemptive=False), EXPONENTIAL, load) == close(t1.item(), 1e-10)
            assert newest == close(t2.item(), 1e-10)
            assert t1.item() == close(load * newest + 1, 1e-10)


@pytest.mark.parametrize("load", [0.3, 0.9])
def test_interruptions_of_the_exponential_queue_have_closed_forms(load):
    for policy, distribution, share in [
        (SPRPT(), EXPONENTIAL, 2 / 3 * (1 - 1 / math.e)), (PSPJF(), EXPONENTIAL, 2 / 3), (SPRPT(), EXACT, 1 / 2)
    ]:  # fmt: skip
        assert expect(policy, distribution, load=load).interruptions == close(load * share, 1e-10)


@pytest.mark.parametrize("policy", USUAL, ids=str)
def test_predictions_that_know_nothing_of_exponential_sizes_change_nothing(policy):
    distribution = JobDistribution(Exponential(), IndependentError(Exponential()), IndependentError(Exponential()))
    assert mean(policy, distribution, 0.9) == close(10.0, 1e-10)


@pytest.mark.parametrize("size", [Weibull(0.5), LogNormal(scv=3.0), BoundedPareto(1.5, 0.5, 50.0)], ids=str)
@pytest.mark.parametrize(
    "key", [Weibull(0.7, mean=3.0), Hyperexponential((1.0, 5.0), (0.8, 0.2)), Deterministic(2.0)], ids=str
)
def test_predictions_that_know_nothing_leave_spjf_at_fcfs_for_any_sizes(size, key):
    distribution = JobDistribution(size, IndependentError(key))
    assert mean(SPJF(), distribution, 0.8) == close(mean(FCFS(), distribution, 0.8), 1e-10)


@pytest.mark.parametrize("distribution", SMOOTH, ids=str)
def test_the_ends_of_a_parameter_are_the_simpler_policy(distribution):
    for load in (0.5, 0.9):
        sprpt, spjf, fcfs = (mean(policy, distribution, load) for policy in (SPRPT(), SPJF(), FCFS()))
        assert mean(TRAIL(1.0), distribution, load) == close(sprpt, 1e-10)
        assert mean(TRAIL(0.0), distribution, load) == close(spjf, 1e-10)
        assert mean(TRAIL(1 - 1e-7), distribution, load) == close(sprpt, 1e-6)
        assert mean(TRAIL(1e-7), distribution, load) == close(spjf, 1e-5)
        assert mean(SkipPredict(0.0), distribution, load) == close(sprpt, 1e-10)
        assert mean(SkipPredict(0.0, long_order="size"), distribution, load) == close(
            mean(PSPJF(), distribution, load), 1e-10
        )
        assert mean(DelayPredict(0.0), distribution, load) == close(sprpt, 1e-10)
        for policy in (SkipPredict(math.inf), DelayPredict(math.inf), OneBit(math.inf), OneBit(0.0)):
            assert mean(policy, distribution, load) == close(fcfs, 1e-10)


@pytest.mark.parametrize("policy", [DelayPredict(0.0), SkipPredict(0.0), TRAIL(1.0)], ids=str)
def test_the_ends_of_a_parameter_keep_memory_and_interruptions_too(policy):
    for distribution in (EXPONENTIAL, EXACT):
        found, same = expect(policy, distribution, load=0.8), expect(SPRPT(), distribution, load=0.8)
        assert (found.memory, found.interruptions) == (close(same.memory, 1e-10), close(same.interruptions, 1e-10))


@pytest.mark.parametrize("policy", USUAL, ids=str)
def test_an_idle_server_gives_the_bare_service_time(policy):
    assert mean(policy, EXPONENTIAL, 1e-9) == close(1.0)
    if not isinstance(policy, FCFS):
        assert expect(policy, EXPONENTIAL, load=1e-9).accuracy < 1e-9


def test_an_idle_server_adds_its_own_prediction_work():
    assert mean(SPRPT(work=0.25), EXPONENTIAL, 1e-9) == close(1.25)
    assert mean(DelayPredict(1.0, expensive_work=0.25), EXPONENTIAL, 1e-9) == close(1 + 0.25 / math.e)


@pytest.mark.parametrize("load", [0.3, 0.8, 0.98])
def test_clairvoyant_policies_keep_their_order(load):
    best = mean(SPRPT(), EXACT, load)
    others = [
        mean(policy, EXACT, load) for policy in (PSPJF(), SPJF(), TRAIL(0.2), TRAIL(0.5), TRAIL(0.8), SkipPredict(1.0))
    ]
    assert best <= min(others)
    assert max(others) < 1 / (1 - load) == close(processor_sharing(EXACT, load=load).response_time)


@pytest.mark.parametrize("policy", [p for p in USUAL if not isinstance(p, FCFS)], ids=str)
def test_means_scale_with_the_unit(policy):
    def scaled(unit):
        changed = {name: getattr(policy, name) * unit for name in ("threshold", "limit") if hasattr(policy, name)}
        distribution = JobDistribution(Weibull(0.8, mean=unit), UniformError(0.5), ExponentialError())
        return expect(replace(policy, **changed), distribution, load=0.7)

    one, large = scaled(1.0), scaled(1e6)
    assert large.response_time == close(1e6 * one.response_time, 1e-10)
    assert large.memory == close(1e6 * one.memory, 1e-10)
    assert large.interruptions == close(one.interruptions, 1e-10)


def test_memory_counts_the_ages_of_jobs_in_service_at_least():
    for policy, load in itertools.product(USUAL, (0.5, 0.9)):
        assert expect(policy, WEIBULL, load=load).memory >= load * 3 * (1 - 1e-12)  # rate * E[S^2] / 2


def test_works_leave_memory_and_interruptions_to_simulation():
    for policy in (
        SPRPT(work=0.1),
        OneBit(1.0, cheap_work=0.1),
        SkipPredict(1.0, cheap_work=0.1),
        DelayPredict(1.0, expensive_work=0.1),
    ):
        found = expect(policy, EXPONENTIAL, load=0.5)
        assert math.isnan(found.memory)
        assert math.isnan(found.interruptions)
    assert math.isnan(expect(LAS(quantum=0.0), EXPONENTIAL, load=0.5).memory)


def test_an_empty_class_has_no_mean():
    assert math.isnan(expect(SkipPredict(0.0), EXPONENTIAL, load=0.5).short)
    assert math.isnan(expect(OneBit(math.inf), EXPONENTIAL, load=0.5).long)
    assert math.isnan(expect(DelayPredict(math.inf), EXPONENTIAL, load=0.5).long)
    assert math.isnan(expect(SPRPT(), EXPONENTIAL, load=0.5).short)


def test_las_needs_no_prediction_and_is_processor_sharing_for_exponential_sizes():
    assert mean(LAS(quantum=0.0), JobDistribution(Exponential()), 0.9) == close(10.0, 1e-10)


def test_what_has_no_formula_or_no_prediction_is_refused():
    with pytest.raises(InvalidInput, match=r"policy is LAS\(quantum=0.5\), which has no formula; use simulate"):
        mean(LAS(quantum=0.5), EXPONENTIAL, 0.5)
    with pytest.raises(
        InvalidInput, match="there are no expensive predictions, but the policy asks for them; pass expensive="
    ):
        mean(SPRPT(), JobDistribution(Exponential(), cheap=ExactError()), 0.5)
    with pytest.raises(InvalidInput, match="there are no cheap predictions, but the policy asks for them"):
        mean(SkipPredict(1.0), JobDistribution(Exponential(), ExactError()), 0.5)


def test_a_limit_or_threshold_that_is_nearly_0_is_0():
    for policy in (DelayPredict, SkipPredict):
        assert mean(policy(1e-310), EXPONENTIAL, 0.5) == mean(policy(0.0), EXPONENTIAL, 0.5)


@pytest.mark.parametrize("unit", [1e-100, 1e100])
def test_the_ends_of_the_range_of_sizes_give_the_same_figures(unit):
    distribution = JobDistribution(Exponential(unit), ExponentialError())
    assert mean(SPRPT(), distribution, 0.5) / unit == pytest.approx(mean(SPRPT(), EXPONENTIAL, 0.5), rel=1e-12)


def test_what_quadrature_cannot_tell_is_refused():
    wild = JobDistribution(LogNormal(scv=1e6), LogNormalError(4.0, bias=1e6))
    with pytest.raises(InvalidInput, match=r"comes out as .* use simulate instead"):
        mean(SPRPT(), wild, 0.5)


def test_what_is_no_distribution_at_all_is_refused():
    with pytest.raises(InvalidInput, match="distribution is 3, but must be a JobDistribution, or a Log"):
        expect(SPRPT(), 3, load=0.5)
    with pytest.raises(InvalidInput, match="per_job is 1, but must be True or False"):
        expect(SPRPT(), EXPONENTIAL, load=0.5, per_job=1)


def test_jobs_of_one_size_come_in_order_of_arrival_if_predictions_are_exact():
    distribution = JobDistribution(Deterministic(2.0), ExactError(), ExactError())
    for policy in (*USUAL, SkipPredict(3.0), DelayPredict(2.0)):
        if not (isinstance(policy, DelayPredict) and policy.limit < 2):
            assert mean(policy, distribution, 0.5) == close(3.0, 1e-12)
    assert mean(DelayPredict(1.0), distribution, 0.5) > 3.5
    assert mean(LAS(quantum=0.0), distribution, 0.5) == close(6.0, 1e-12)


def test_only_jobs_of_a_lower_bin_preempt_where_predictions_are_bins():
    low = -math.expm1(-1)  # the share of jobs smaller than 1; the others do 2 / e of the work
    distribution = JobDistribution(Exponential(), BinnedError((0.0, 1.0, 3.0)))
    assert expect(PSPJF(), distribution, load=0.6).interruptions == close(0.6 * 2 / math.e * low, 1e-12)


def test_jobs_of_one_size_whose_predictions_are_a_few_values_are_a_log_of_them():
    inner = ExponentialError()
    error = BinnedError((0.0, 1.0, 3.0, 9.0), inner, values=(1.0, 2.0, 5.0))
    distribution = JobDistribution(Deterministic(2.0), error, error)
    above_1, above_3 = inner.survival(np.array([1.0, 3.0]), np.array([2.0]))
    weight = [1 - above_1, above_1 - above_3, above_3]
    log = Log([2.0] * 3, expensive=[1.0, 2.0, 5.0], weight=weight)
    for policy in (SPJF(), PSPJF(), SPRPT(), TRAIL(0.5), DelayPredict(1.0)):
        assert mean(policy, distribution, 0.6) == close(expect(policy, log, load=0.6).response_time, 1e-12)
    asked = Log([2.0] * 9, cheap=[1.0, 2.0, 5.0] * 3, expensive=np.repeat([1.0, 2.0, 5.0], 3),
                weight=np.outer(weight, weight).ravel())  # fmt: skip
    for policy in (
        SkipPredict(1.0),
        SkipPredict(2.0),
        SkipPredict(5.0, preemptive=False),
    ):  # bins at the threshold are long
        assert mean(policy, distribution, 0.6) == close(expect(policy, asked, load=0.6).response_time, 1e-12)


def test_newest_first_takes_a_log_too():
    log = Log([1, 2, 0.5, 4, 1, 1.5], cheap=[1, 2, 0.5, 3, 3, 0.5])
    assert one_bit_newest_first(1.5, log, load=0.8).response_time == close(65 / 12, 1e-14)
    with pytest.raises(InvalidInput, match="no column 'cheap', but the policy asks for it"):
        one_bit_newest_first(1.5, Log([1.0]), load=0.8)


def test_memory_of_exact_predictions_is_that_of_nearly_exact_ones():
    nearly = JobDistribution(Exponential(), LogNormalError(1e-3))
    for policy in (PSPJF(), SPRPT()):
        exact = expect(policy, JobDistribution(Exponential(), ExactError()), load=0.7)
        assert exact.memory == pytest.approx(expect(policy, nearly, load=0.7).memory, rel=1e-4)
