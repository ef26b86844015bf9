"""From recorded gradients and a pilot to a plan, on the digits; `make test-torch` runs these."""

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, Cast, Link, LowRank, TopKChunked, plan
from beforehand.integrations.torch import pilot, record_gradients
from beforehand.workloads.training_jobs import Digits

pytestmark = pytest.mark.torch
SLOW = Link(1e-4, 1e6)


@pytest.fixture(scope="module")
def trace():
    return record_gradients(Digits(), workers=2, steps=(0, 10, 20, 40))


def planned(trace, **options):
    candidates = [THC(bits=4), LowRank(rank=4), TopKChunked(bits_per_coordinate=0.5)]
    return plan(trace, link=SLOW, workers=2, compute_seconds=0.002, candidates=candidates, **options)


def test_recorded_gradients_are_planned_and_audited(trace):
    sample, later = trace.split(0.5)
    chosen = planned(sample, max_vnmse=0.05)
    assert chosen.verdict == "worth it"
    assert chosen.coordinates == 85_002
    thc = next(each for each in chosen.candidates if each.codec == THC(bits=4))
    assert thc.closed_form == pytest.approx(thc.vnmse.value, rel=0.15)
    assert chosen.audit(later).measured.value == pytest.approx(chosen.expected.value, rel=0.3)


def test_a_pilot_tells_how_many_steps_each_codec_needs(trace):
    chosen = planned(trace, pilot=pilot(Digits(), workers=2, steps=60))
    assert (chosen.verdict, chosen.chosen.piloted) == ("worth it", True)
    plain = next(each for each in chosen.candidates if each.codec == Cast("float32"))
    assert plain.steps == pytest.approx(40, abs=5)
    assert 0.8 * plain.steps <= chosen.chosen.steps <= 60
    assert chosen.chosen.seconds_to_target < chosen.candidates[0].seconds_to_target <= plain.seconds_to_target
    with pytest.raises(InvalidInput, match=r"target_loss is 1e-06, but the pilot of float32 ended with"):
        planned(trace, pilot=pilot(Digits(), workers=2, steps=5), target_loss=1e-6)
