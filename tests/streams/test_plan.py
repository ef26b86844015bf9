import json
import time
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core import Outcome, Price, Trace
from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.streams import (
    CharNgrams,
    Constant,
    FirstOf,
    FromCallable,
    KeyBits,
    LearnedSlidingWindow,
    LearnedSpaceSaving,
    LookupTable,
    SlidingWindow,
    SpaceSaving,
    StreamPlan,
    audit,
    plan,
)
from beforehand.workloads.streams import flows, zipf

SAMPLE, HOLDOUT = zipf(120_000, 60_000, 1.0, seed=0).split(0.5)


def speaking(n, seed):
    """Names that say how heavy they are: those of one kind come in crowds, those of the other once."""
    random = np.random.default_rng(seed)
    crowds = [f"hot_{i}" for i in random.integers(0, 2000, n // 2)]
    once = [f"Rare{i}X" for i in random.integers(0, 10**9, n - n // 2)]
    return random.permutation(np.array(crowds + once)).tolist()


TOLD, UNTOLD = speaking(120_000, 0), speaking(120_000, 1)


def test_without_predictors_the_best_policy_is_chosen_and_none_is_worth_it():
    chosen = plan(SAMPLE, memory="8KiB")
    assert (chosen.design, chosen.verdict) == ("gated", "don't bother")
    tried = {each.design: each for each in chosen.candidates}
    assert tried.keys() == {"gated", "filtered", "exact", "assoc", "conservative Count-Min"}
    assert chosen.candidates[0].error == chosen.baseline == chosen.expected
    assert chosen.baseline.value == min(each.error.value for each in chosen.candidates)
    assert tried["exact"].error.value > 2 * chosen.expected.value
    assert all(each.error.low < each.error.value < each.error.high for each in chosen.candidates)
    summary = chosen.build()
    assert isinstance(summary, SpaceSaving)
    assert (summary.policy, summary.nbytes <= 8192) == ("gated", True)
    first, *others = chosen.explain().splitlines()
    assert first.startswith("Take gated for the whole stream, in 8,192 bytes. Judged on ")
    assert "Predictors: don't bother. None was tried, so that nothing is known of what one would save." in others


def test_a_predictor_that_knows_is_worth_it_and_one_that_does_not_is_no_bother():
    chosen = plan(TOLD, memory="8KiB", predictors=[CharNgrams(buckets=64), Constant(3)])
    assert chosen.verdict == "worth it"
    assert chosen.design == "calibrated by CharNgrams"
    assert chosen.saving.low > 0.05
    assert {"calibrated by CharNgrams", "calibrated by Constant"} < {each.design for each in chosen.candidates}
    report = chosen.audit(UNTOLD)
    assert report.came_true
    assert report.verdict == "worth it"
    assert report.clairvoyant.value < report.baseline.value
    assert 0 < report.price.seconds < 1 / chosen.chosen.items_per_second
    assert plan(TOLD, memory="8KiB", predictors=[Constant(3)]).verdict == "don't bother"


def test_a_predictor_that_does_harm_is_said_to_add_to_the_error():
    told = plan(TOLD, memory="8KiB", predictors=[CharNgrams(buckets=64)])
    assert "Predictors: worth it. The best one saves " in told.explain()
    words = replace(told, saving=Outcome("calibrated", -0.34, -0.5, 0.01)).explain()
    assert "The best one adds 34.0% (-1.0% to 50.0%) to the error of" in words


def test_the_model_is_paid_for_in_memory_and_shared():
    names = speaking(20_000, 0)
    model = CharNgrams(buckets=1024).fit(names)
    alone, shared = (plan(names, memory="8KiB", predictors=[model], shared_by=shared_by) for shared_by in (1, 1000))
    for chosen, shared_by in ((alone, 1), (shared, 1000)):
        (learned,) = (each for each in chosen.candidates if each.learned)
        assert learned.price.bytes == model.price.bytes / shared_by
        assert learned.options["memory"] == int(8192 - model.price.bytes / shared_by)
    large = plan(names, memory="4KiB", predictors=[model])
    assert [each.learned for each in large.candidates] == [False] * len(large.candidates)
    assert large.untried == ("calibrated by CharNgrams: 4,096 bytes do not suffice, with its model",)
    assert "Not tried: calibrated by CharNgrams" in large.explain()


def test_predictors_that_were_not_fitted_learn_from_the_first_half_and_stay_as_they_are():
    model = LookupTable(entries=100)
    chosen = plan(SAMPLE, memory="8KiB", predictors=[model], shared_by=10**6)
    assert not model.fitted
    if chosen.design.startswith("calibrated"):
        assert chosen.build().predictor.horizon == len(SAMPLE) // 2
    fitted = LookupTable(entries=100).fit(SAMPLE["key"])
    two = plan(SAMPLE, memory="8KiB", predictors=[fitted, FirstOf(fitted, Constant(0)), fitted], shared_by=10**6)
    assert {each.design for each in two.candidates if each.learned} == {
        "calibrated by LookupTable",
        "calibrated by LookupTable 2",
        "calibrated by LookupTable+Constant",
    }


def test_the_summary_of_a_plan_that_was_read_asks_the_same_predictor():
    chosen = plan(TOLD, memory="8KiB", predictors=[CharNgrams(buckets=64)])
    again = StreamPlan.from_json(chosen.to_json())
    one, two = chosen.build(), again.build()
    assert isinstance(two, LearnedSpaceSaving)
    for summary in (one, two):
        summary.update(TOLD)
    assert one.to_bytes() == two.to_bytes()
    assert again == chosen


def test_functions_cannot_be_kept_and_are_passed_again():
    model = FromCallable(lambda keys: [0.0 if key[0] == "R" else 5.0 for key in keys], price=Price(per="key"))
    chosen = plan(TOLD, memory="8KiB", predictors=[model])
    assert chosen.design == "calibrated by FromCallable"
    assert chosen.predictor is None
    for act in (chosen.build, lambda: chosen.audit(UNTOLD)):
        with pytest.raises(InvalidInput, match="needs a predictor that no plan can hold; pass predictor="):
            act()
    assert chosen.build(predictor=model).predictor is model
    assert audit(chosen, UNTOLD, predictor=model).verdict == "worth it"


@pytest.mark.parametrize("metric", ["weighted_error", "rmse", "recall"])
def test_audits_measure_what_was_expected(metric):
    report = plan(SAMPLE, memory="4KiB", metric=metric).audit(HOLDOUT)
    assert report.measured.value == pytest.approx(report.expected.value, rel=0.25, abs=0.05)
    assert report.measured == report.baseline
    assert report.verdict == "don't bother"
    assert "no predictor is worth more than" in report.why


def test_a_target_takes_the_least_memory_that_reaches_it():
    chosen = plan(SAMPLE, target=2e-4)
    assert chosen.expected.high <= 2e-4
    assert chosen.chosen.memory_needed == chosen.memory
    assert chosen.memory == min(each.memory_needed for each in chosen.candidates)
    less = plan(SAMPLE, memory=int(chosen.memory * 0.8))
    assert less.expected.high > 2e-4
    assert "bytes, about the fewest with which its error stays within 0.0002. Judged" in chosen.explain()
    assert "reaches the target with" in chosen.explain()
    assert "Judged on 1 arrival of 1 distinct key." in plan([7, 7], memory="8KiB").explain()
    with pytest.raises(InvalidInput, match="no design reaches it with any memory"):
        plan(SAMPLE, target=1e-300, metric="rmse", min_rate=1e15)


def test_a_learned_design_may_take_less_memory_for_a_target():
    chosen = plan(TOLD, target=1e-4, predictors=[CharNgrams(buckets=64)], shared_by=100)
    needed = {each.design: each.memory_needed for each in chosen.candidates}
    assert chosen.verdict == "worth it"
    assert needed["calibrated by CharNgrams"] == chosen.memory < 0.9 * needed["gated"]


def test_what_fits_whole_is_counted_exactly():
    chosen = plan(SAMPLE, memory="4MB")
    assert chosen.design == "exact dictionary"
    assert chosen.expected.value == 0
    assert "any exact group-by will do as well" in chosen.explain()
    many = plan(SAMPLE, memory="4MB", horizon=10**8)  # new keys go on to come
    assert "exact dictionary" not in {each.design for each in many.candidates}


def test_errors_scale_to_the_horizon():
    share, scaled = (plan(SAMPLE, memory="8KiB", horizon=horizon) for horizon in (None, 10**9))
    assert scaled.expected.value == pytest.approx(10**9 * share.expected.value)
    assert "after 1,000,000,000 arrivals" in scaled.explain()


def test_the_floor_tells_random_order_from_drift():
    assert "the order is as good as random" in plan(SAMPLE, memory="4KiB").explain()
    sorted_keys = np.sort(SAMPLE["key"])
    shuffled_halves = np.concatenate([SAMPLE["key"], sorted_keys])
    drifted = plan(shuffled_halves, memory="4KiB")
    assert drifted.law[1] < 0.9 * drifted.law[0]
    assert "the stream has bursts or drifts" in drifted.explain()


def test_designs_that_are_too_slow_are_left_out():
    chosen = plan(SAMPLE, memory="8KiB", predictors=[slow := slow_model()], min_rate=2e6)
    assert not any(each.learned for each in chosen.candidates)
    assert "items/s" in chosen.untried[0]
    assert plan(SAMPLE, memory="8KiB", predictors=[slow]).candidates
    with pytest.raises(InvalidInput, match="no design without a predictor is left"):
        plan(SAMPLE, memory="8KiB", min_rate=1e15)


def slow_model():
    def fn(keys):
        begun = time.process_time()
        while time.process_time() < begun + 0.05:
            pass
        return np.zeros(len(keys))

    return FromCallable(fn, price=Price(per="key"))


def test_few_arrivals_leave_it_unclear():
    assert plan(TOLD[:9000], memory="8KiB").verdict == "unclear"
    assert plan(TOLD[:9000], memory="8KiB", predictors=[CharNgrams(buckets=16)]).verdict == "unclear"


def test_weights_count():
    weights = np.random.default_rng(0).integers(1, 1500, len(SAMPLE))
    chosen = plan(Trace("stream", {"key": SAMPLE["key"], "weight": weights}), memory="8KiB")
    assert chosen.verdict == "don't bother"
    assert chosen.design in ("gated", "filtered")
    assert chosen.expected.value < 0.001


FLOWS = flows(40_000, 8000, seed=0)


def test_windows_try_shares_and_filters():
    chosen = plan(FLOWS, memory="8KiB", window=4096, predictors=[KeyBits(buckets=64)])
    kinds = {each.kind for each in chosen.candidates}
    assert kinds == {"SlidingWindow", "LearnedSlidingWindow"}
    assert len(chosen.candidates) == 9
    assert not chosen.candidates[0].learned
    assert chosen.law is None
    summary = chosen.build()
    assert isinstance(summary, SlidingWindow | LearnedSlidingWindow)
    assert summary.window == 4096
    report = chosen.audit(flows(40_000, 8000, seed=1))
    assert report.measured.design == chosen.design
    assert report.clairvoyant.value < 2 * report.baseline.value
    assert "as a share of the window" in chosen.explain()
    assert report.metric == "weighted error"


def test_audits_of_windows_measure_what_was_expected():
    report = plan(SAMPLE, memory="8KiB", window=4096).audit(HOLDOUT)
    assert report.measured.value == pytest.approx(report.expected.value, rel=0.1)


def test_upper_bounds_of_windows_want_other_shares():
    chosen = plan(FLOWS, memory="8KiB", window=4096, metric="upper")
    assert {each.options["counter_share"] for each in chosen.candidates} == {0.25, 0.4, 0.5}


class Gaps:
    """Says that no key comes again soon."""

    price = Price(per="key")

    def predict_gaps(self, keys):
        return np.full(len(keys), 10**6)


def test_windows_take_whatever_predicts_gaps():
    chosen = plan(FLOWS, memory="8KiB", window=4096, predictors=[Gaps()], metric="upper")
    learned = [each for each in chosen.candidates if each.learned]
    assert {each.design for each in learned} >= {"filtered by Gaps, 25% counters"}
    assert all(each.price.bytes == 0 for each in learned)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "memory is None and target is None, but exactly one"),
        ({"memory": 8192, "target": 0.1}, "memory is 8192 and target is 0.1"),
        ({"target": 0}, "target is 0, but must be positive"),
        ({"memory": "much"}, "memory is 'much'"),
        ({"memory": 8192, "metric": "mae"}, "metric is 'mae', but must be one of"),
        ({"memory": 8192, "metric": "upper"}, "upper is for windows"),
        ({"memory": 8192, "metric": "recall", "window": 100}, "recall for whole streams"),
        ({"memory": 8192, "window": 0}, "window is 0, but must be a whole number"),
        ({"memory": 8192, "window": 30_000}, "30,000 arrivals to replay, but a window of 30,000"),
        ({"memory": 8192, "horizon": 0}, "horizon is 0"),
        ({"memory": 8192, "horizon": 5, "window": 100}, "leave it out for a window"),
        ({"memory": 8192, "shared_by": 0}, "shared_by is 0"),
        ({"memory": 8192, "min_rate": -1}, "min_rate is -1"),
        ({"memory": 8192, "predictors": [len]}, "each must have a price, and predict or predict_gaps"),
        ({"memory": 8192, "predictors": [CharNgrams()]}, "keys are integers, but CharNgrams reads strings"),
        ({"memory": 8192, "predictors": Constant(1)}, r"predictors is Constant\(1.0\), but must be a sequence of them"),
        ({"memory": 8192, "seed": -1}, "seed is -1, but must be a whole number from 0"),
        ({"memory": 8192, "seed": None}, "seed is None"),
        ({"memory": 10}, "no design without a predictor is left"),
    ],
)
def test_what_cannot_be_planned_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        plan(SAMPLE, **options)


def test_weights_must_have_a_sum():
    with pytest.raises(CapacityExceeded, match=r"add up to 2\*\*63 or more"):
        plan(Trace("stream", {"key": [1, 2], "weight": [2**62, 2**62]}), memory=8192)


def test_samples_must_be_streams():
    with pytest.raises(InvalidInput, match="but must be of kind 'stream'"):
        plan(Trace("jobs", {"size": [1.0]}), memory=8192)
    with pytest.raises(InvalidInput, match="sample has 1 arrival"):
        plan([1], memory=8192)
    with pytest.raises(InvalidInput, match="holdout holds no keys"):
        plan(SAMPLE, memory=8192).audit([])


def test_forged_json_is_refused():
    chosen = plan(TOLD, memory="8KiB", predictors=[CharNgrams(buckets=64)])
    fields = json.loads(chosen.to_json())
    for change, message in (
        ({"predictor": "AAAA"}, "its predictor is none"),
        ({"predictor": "&"}, "its predictor is none"),
        ({"predictor": 5}, "its predictor is none"),
        ({"design": "best"}, "design is 'best', but must be one of the candidates"),
        ({"metric": "mae"}, "metric is 'mae'"),
        ({"verdict": "yes"}, "verdict is 'yes'"),
        ({"memory": 0}, "memory is 0"),
        ({"law": [0.1, 7]}, "law is"),
        ({"candidates": [fields["candidates"][0] | {"kind": "dict"}]}, "kind is 'dict'"),
    ):
        with pytest.raises(CorruptData, match=message):
            StreamPlan.from_json(json.dumps(fields | change))
    for candidate in fields["candidates"]:
        candidate["options"]["magic"] = 1
    with pytest.raises(InvalidInput, match=r"no .* has such options: .*'magic'; plan again"):
        StreamPlan.from_json(json.dumps(fields)).build()


def test_numbers_of_numpy_are_welcome():
    asked = {"memory": 8192, "shared_by": 3, "horizon": 10**6, "seed": 5}
    plain = plan(SAMPLE, **asked, min_rate=5.0)
    found = plan(SAMPLE, **{name: np.int64(value) for name, value in asked.items()}, min_rate=np.float32(5))
    assert found.expected == plain.expected
    assert type(plain).from_json(found.to_json()) == found
    assert plan(SAMPLE, target=np.float32(1e-2)).target == float(np.float32(1e-2))
    assert plan(SAMPLE, memory=8192, window=np.int64(1000)).window == 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "much"}, "target is 'much', but must be positive and finite"),
        ({"memory": 4096, "min_rate": "fast"}, "min_rate is 'fast', but must be positive and finite"),
        ({"memory": 4096, "min_rate": True}, "min_rate is True"),
        ({"memory": 4096, "window": 100.0}, r"window is 100\.0, but must be a whole number"),
        ({"memory": 4096, "shared_by": None}, "shared_by is None"),
    ],
)
def test_what_is_no_number_is_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        plan(SAMPLE, **options)
