"""From recorded gradients and a pilot to a plan, on the digits; `make test-torch` runs these."""

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, Cast, Link, LowRank, TopKChunked, plan
from beforehand.integrations.torch import compare, pilot, record_gradients
from beforehand.workloads.shaped_links import ShapedLinks
from beforehand.workloads.training_jobs import CharLM, Digits
from tests.integrations.torch import plan_probes

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


@pytest.mark.links
@pytest.mark.nightly
def test_over_a_slow_link_a_codec_saves_the_seconds_that_the_plan_says(tmp_path, monkeypatch):
    """Bytes that outweigh the 128 KiB which a shaped link lets pass at once, and a link that outweighs the cores."""
    monkeypatch.setenv(plan_probes.LINK, str(tmp_path / "link.json"))
    codecs = [THC(bits=4)]
    with ShapedLinks(2, "25mbit") as links:
        found = compare(
            CharLM(),
            codecs=[*codecs, plan_probes.measured_link, plan_probes.no_exchange],
            workers=2,
            link=links,
            until={"steps": 9, "seconds": 120},
            repeats=1,
        )
    seconds = {run.method: run.step_seconds for run in found.runs}
    link = Link.from_json((tmp_path / "link.json").read_text())
    trace = record_gradients(CharLM(), workers=2, steps=(0, 2))
    made = plan(trace, link=link, workers=2, compute_seconds=seconds["no_exchange"], candidates=codecs)
    assert made.verdict == "worth it"
    told = {each.codec: each.step.value for each in made.candidates}
    plain, half, coded = (seconds[label] for label in ("float32", "float16", "THC"))
    assert plain - coded == pytest.approx(told[Cast("float32")] - told[codecs[0]], rel=0.25)  # computing falls out
    assert plain > half > coded
    assert made.gain.value > 0.3
