import math

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.gradients import (
    THC,
    Adaptive,
    BlockInt,
    Cast,
    Link,
    LowRank,
    Speed,
    Speeds,
    TernGrad,
    TopK,
    TopKChunked,
    audit,
    plan,
)
from beforehand.gradients.candidates import CASTS, DEFAULT, ways
from beforehand.gradients.codecs import REDUCTIONS
from beforehand.workloads.gradient_samples import gradients

TRACE = gradients("layers", size=2**16, workers=4, steps=3, seed=0)
SLOW, FAST = Link(1e-4, 6e6), Link(1e-5, 1.2e8)
FEW = (THC(), BlockInt(), TopK(density=0.1))


def speeds(codecs=DEFAULT, nanoseconds=1.0):
    """As if all codecs took this long for each of their parts."""
    speed = Speed(**dict.fromkeys(("encode", "accumulate", "finish", "decode"), nanoseconds * 1e-9))
    return Speeds({(way.codec, REDUCTIONS[way.transport]): speed for way in ways(codecs, aggregator=True)})


def made(trace=TRACE, *, link=SLOW, candidates=FEW, nanoseconds=1.0, **options):
    if "speeds" not in options:
        options["speeds"] = speeds(candidates, nanoseconds)
    given = {"workers": 4, "compute_seconds": 0.01} | options
    return plan(trace, link=link, candidates=candidates, **given)


def test_on_a_slow_link_the_least_seconds_within_the_error_win():
    found = made()
    assert found.verdict == "worth it"
    assert found.build() == (THC(), "two_shot")
    admissible = [each for each in found.candidates if each.vnmse.value <= found.max_vnmse]
    assert found.expected.value == min(each.step.value for each in admissible)
    assert found.gain.value == pytest.approx(found.baseline.value / found.expected.value - 1)
    assert 0.1 < found.gain.low < found.gain.value < found.gain.high


def test_what_errs_too_much_does_not_win():
    loose = made(candidates=(THC(), TopK(density=0.01, feedback="none")), max_vnmse=1.0)
    assert loose.build()[0] == TopK(density=0.01, feedback="none")
    strict = made(candidates=(THC(), TopK(density=0.01, feedback="none")))
    assert strict.build()[0] == THC()
    assert [each.design for each in strict.candidates] == [each.design for each in loose.candidates]


def test_without_a_codec_within_the_error_the_baseline_stays():
    found = made(candidates=[TopK(density=0.01, feedback="none")])
    assert found.verdict == "don't bother"
    assert "No codec that compresses is left within the allowed error: " in found.explain()


def test_on_a_fast_link_it_says_do_not_bother_and_takes_the_baseline():
    found = made(link=Link(1e-5, 1e10))
    assert found.verdict == "don't bother"
    assert found.build()[0] in CASTS
    assert found.design == found.baseline.design
    assert found.gain.design in ("THC by two_shot", "BlockInt by two_shot")
    assert found.gain.high < found.margin


def test_between_the_two_it_is_unclear():
    verdicts = [made(link=Link(1e-5, rate), candidates=[THC()]).verdict for rate in np.geomspace(3e7, 1e9, 15)]
    assert set(verdicts) == {"worth it", "unclear", "don't bother"}
    assert verdicts == sorted(verdicts, key=["worth it", "unclear", "don't bother"].index)


def test_the_baseline_is_the_better_of_full_precision_and_16_bits():
    sixteen = made()
    assert sixteen.candidates[0].codec in (Cast("float16"), Cast("bfloat16"))
    slow_casts = {key: speed for key, speed in speeds(FEW).entries.items() if key[0] != Cast("float32")}
    slow_casts = {key: Speed(encode=1e-6, accumulate=0, finish=0, decode=0) for key in slow_casts}
    full = made(speeds=Speeds(dict(speeds(FEW).entries) | slow_casts))
    assert full.candidates[0].codec == Cast("float32")
    assert full.verdict == "don't bother"


# Section 6 of the specification: 1.40 M parameters, 2 workers on 2 cores, compressors of 2024's kind (60 ns a value).
@pytest.mark.parametrize(
    ("rate", "latency", "verdict"), [(48.6e6 / 8, 2e-4, "worth it"), (913e6 / 8, 2e-4, "don't bother")]
)
def test_golden_verdicts_of_the_measured_table(rate, latency, verdict):
    trace = gradients("layers", size=1_396_544, workers=2, steps=2, seed=0)
    codecs = (THC(), BlockInt(), THC(bits="lane"))
    slow = Speed(encode=3e-8, accumulate=0, finish=0, decode=2e-8)
    known = {(way.codec, REDUCTIONS[way.transport]): slow for way in ways(codecs, aggregator=False)} | {
        (cast, "sum"): Speed(encode=5e-9, accumulate=0, finish=0, decode=1e-9) for cast in CASTS
    }
    found = plan(
        trace, link=Link(latency, rate), workers=2, compute_seconds=0.147, candidates=codecs, speeds=Speeds(known)
    )
    assert found.verdict == verdict
    plain = next(each for each in found.candidates if each.codec == Cast("float32"))
    assert plain.step.value == pytest.approx({"worth it": 1.244, "don't bother": 0.196}[verdict], rel=0.15)


def test_every_candidate_is_compared_with_both_casts_and_what_cannot_run_is_refused_with_its_reason():
    found = made(candidates=(THC(granularity=70), THC(bits="lane", lanes=6, granularity=30), THC()))
    designs = [each.design for each in found.candidates]
    assert {"float32", "float16", "bfloat16"} < set(designs)
    assert "THC by two_shot" in designs
    assert len(found.refused) == 2
    too_many = "THC(granularity=70) by two_shot, as 4 workers x granularity 70 = 280 > 255: take lanes=9"
    assert too_many in found.refused[0]
    assert all(reason in found.explain() for reason in found.refused)


def test_an_error_that_is_not_finite_is_refused():
    huge = gradients("normal", size=2**15, workers=2, steps=1, seed=0)
    columns = {name: huge[name] for name in ("step", "worker")} | {"gradient": huge["gradient"] * np.float32(1e6)}
    found = made(type(huge)("gradients", columns), workers=2, candidates=[(THC(), "two_shot")])
    assert "float16" in [each.design for each in found.candidates]  # sums once more in float32
    zero = {name: huge[name] for name in ("step", "worker")}
    opposed = np.stack([huge["gradient"][0], -huge["gradient"][0]])
    found = made(type(huge)("gradients", zero | {"gradient": opposed}), workers=2, candidates=[THC()])
    assert any("THC by two_shot, as its error on the sample is not finite" in each for each in found.refused)
    assert found.verdict == "don't bother"


def test_gradients_that_cancel_but_for_rounding_are_refused():
    values = np.array([2.0**24, 1, -(2.0**23), -(2.0**23), -1], np.float32)  # add up to -1 in float32
    columns = {
        "step": np.zeros(5, int),
        "worker": np.arange(5),
        "gradient": values[:, None] * np.ones(2**15, np.float32),
    }
    with pytest.raises(InvalidInput, match="gradients of all workers cancel in some step"):
        made(type(TRACE)("gradients", columns), workers=5, candidates=[BlockInt()])


def test_an_aggregator_is_tried_where_there_is_one():
    without = made(candidates=(THC(), TernGrad()))
    assert not any(each.transport == "aggregator" for each in without.candidates)
    found = made(candidates=(THC(),), aggregator_link=Link(1e-5, 1e9))
    assert found.build() == (THC(), "aggregator")
    shared = made(candidates=(THC(),), aggregator_link=Link(1e-5, 6e6))  # as slow as one worker's
    assert shared.build() == (THC(), "two_shot")


def test_the_default_candidates_are_of_all_families():
    found = made(candidates=DEFAULT)
    assert {each.codec.name for each in found.candidates} == {
        "Cast", "THC", "BlockInt", "BlockFloat8", "Adaptive", "TopKChunked", "LowRank", "TopK",
    }  # fmt: skip
    assert found.refused == ()
    assert {each.transport for each in found.candidates} == {"allreduce", "two_shot", "gather"}


def test_speeds_are_measured_where_none_are_given():
    found = made(speeds=None, candidates=[THC()])
    thc = next(each for each in found.candidates if each.codec == THC())
    assert 0 < thc.encode + thc.accumulate + thc.decode < 0.1
    assert found.price.seconds > 0
    with pytest.raises(InvalidInput, match=r"speeds have none of .*BlockInt"):
        made(speeds=speeds([THC()]), candidates=[BlockInt()])


def test_the_price_is_that_of_recording_and_planning():
    meta = TRACE.meta | {"seconds": 12.0}
    known, unknown = made(type(TRACE)("gradients", TRACE.columns, meta=meta)), made(compute_seconds=1.0)
    assert 12 < known.price.seconds < 12 + 20
    assert 3 * 4 < unknown.price.seconds < 3 * 4 + 20  # three steps of four workers, a second each
    assert known.price.bytes == TRACE["gradient"].nbytes
    assert "steps of training" in known.explain()


def test_a_plan_for_more_workers_than_were_recorded_says_so():
    found = made(workers=8)
    assert "Errors are those of 4 workers; 8 err no more." in found.explain()
    assert next(each for each in found.candidates if each.codec == THC()).closed_form > 0


def test_audit_is_that_of_the_plan():
    found = made()
    seconds = {"choice": [0.1, 0.2], "baseline": [0.3]}
    assert audit(found, TRACE, measured=seconds) == found.audit(TRACE, measured=seconds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 1}, "workers is 1, but nothing is exchanged"),
        ({"workers": 10**9}, "workers is 1000000000, but a plan is for at most 65535"),
        ({"pilot": 3}, "pilot is 3, but must be a function"),
        ({"pilot": lambda codec: None}, "returned None, but must return steps and losses"),
        ({"candidates": [THC]}, "candidates hold <class"),
        ({"workers": 2.0}, "workers is 2.0, but must be a whole number"),
        ({"compute_seconds": 0}, "compute_seconds is 0"),
        ({"compute_seconds": math.inf}, "compute_seconds is inf"),
        ({"compute_seconds": "1"}, "compute_seconds is '1'"),
        ({"overlap": 1.5}, "overlap is 1.5, but must be from 0 to 1"),
        ({"margin": -0.1}, "margin is -0.1, but must be at least 0"),
        ({"max_vnmse": 0}, "max_vnmse 0"),
        ({"seed": -1}, "seed is -1"),
        ({"target_loss": 1.0}, "only a pilot knows"),
        ({"link": "50mbit"}, "link is '50mbit', but must be a Link, such as Link"),
        ({"link": None}, "link is None"),
        ({"aggregator_link": 5.0}, r"aggregator_link is 5.0"),
        ({"candidates": THC()}, "must be a sequence of codecs; pass"),
        ({"candidates": "THC"}, "must be a sequence of codecs; pass"),
        ({"candidates": [3]}, "candidates hold 3"),
    ],
)
def test_arguments_that_break_their_rule_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        made(**{"speeds": None, "candidates": [THC()]} | options)


def test_a_cast_to_which_gradients_vanish_is_no_baseline():
    trace = gradients("layers", size=2**16, workers=4, steps=5, seed=0)
    small = {**trace.columns, "gradient": trace.columns["gradient"] * np.float32(1e-9)}
    tiny = Trace(trace.kind, small, meta=trace.meta)
    found = plan(tiny, link=Link(1e-6, 1e12), workers=4, compute_seconds=1.0, candidates=[THC()])
    assert next(each for each in found.candidates if each.design == "float16").vnmse.value > 0.9
    assert found.verdict == "don't bother"
    assert found.design in ("float32", "bfloat16")


# Pilots


class Pilot:
    """Losses that fall by the step, slower with codecs that err."""

    def __init__(self, **slower):
        self.slower = slower
        self.ran = []

    def __call__(self, codec):
        self.ran.append(codec)
        steps = np.arange(1, 101)
        return steps, 10.0 - steps / self.slower.get(codec.name, 1.0) / 20


def test_with_a_pilot_seconds_to_the_target_decide():
    pilot = Pilot(TopK=3.0)
    codecs = (THC(), TopK(density=0.01))
    assert made(candidates=codecs, max_vnmse=10.0).build()[0] == TopK(density=0.01)  # whose steps are shorter
    found = made(pilot=pilot, candidates=codecs, target_loss=9.0, max_vnmse=1e-9)
    assert found.build()[0] == THC()
    top = next(each for each in found.candidates if each.codec.name == "TopK")
    assert (top.steps, top.loss) == (pytest.approx(60), pytest.approx(10 - 100 / 60))
    assert found.chosen.steps == pytest.approx(20)
    assert found.gain.value == pytest.approx(found.baseline.value / found.expected.value - 1)
    assert "to a loss of 9 as" in found.explain()


def test_without_a_target_it_is_what_full_precision_has_after_two_thirds_of_its_steps():
    found = made(pilot=Pilot())
    assert found.target_loss == pytest.approx(10 - 67 / 20)
    assert found.verdict == "worth it"
    slower = made(pilot=Pilot(THC=1.2, BlockInt=1.2, TopK=1.2))
    assert slower.chosen.steps == pytest.approx(67 * 1.2)
    assert slower.verdict == "worth it"


def test_a_codec_that_never_reaches_the_target_does_not_win():
    found = made(pilot=Pilot(THC=1.6, BlockInt=1.6, TopK=1.6), max_vnmse=1e-9)
    assert found.verdict == "don't bother"
    assert found.gain.value == 0
    assert "target not reached" in found.explain()
    assert "No codec that compresses is known to reach the target: " in found.explain()


def test_pilots_are_run_only_where_they_can_win():
    pilot = Pilot()
    found = made(pilot=pilot, candidates=(THC(), THC(bits="lane", lanes=10), BlockInt()))
    assert pilot.ran[0] == Cast("float32")
    assert len(pilot.ran) == len(set(pilot.ran)) == 3  # the fastest sum, then THC, which no other can beat
    assert "none: it cannot win" in found.explain()
    assert next(each for each in found.candidates if each.codec == BlockInt()).steps is None


def test_pilots_that_say_nothing_are_refused():
    with pytest.raises(InvalidInput, match="target_loss is 1, but the pilot of float32 ended with 5 after 100 steps"):
        made(pilot=Pilot(), target_loss=1.0)


def test_a_pilot_that_diverges_has_no_loss():
    def pilot(codec):
        return [1, 2], ([2.0, 1.0] if codec.name == "Cast" else [math.nan, math.nan])

    found = made(pilot=pilot, candidates=[THC(), LowRank(), TopKChunked(), Adaptive()])
    assert found.verdict == "don't bother"
    thc = next(each for each in found.candidates if each.codec == THC())
    assert (thc.piloted, thc.steps, thc.loss) == (True, None, None)
    assert "target not reached" in found.explain()
