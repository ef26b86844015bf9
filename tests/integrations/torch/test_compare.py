"""Real processes train a job of one's own, by several methods in turns; `make test-torch` runs these."""

import json
import math
import subprocess
import sys
import time

import pytest

from beforehand.core.errors import BeforehandError, CapacityExceeded, InvalidInput, TimedOut
from beforehand.gradients import THC, Adaptive, Cast, Layout, TopKChunked
from beforehand.integrations.torch import compare
from beforehand.integrations.torch.comparison import Comparison
from beforehand.workloads.shaped_links import ShapedLinks
from beforehand.workloads.training_jobs import CharLM
from tests.integrations.torch.small_jobs import Dying, Failing, Matrix, Sleeping, torch_fp16

pytestmark = pytest.mark.torch
LAYOUT = Layout([("weight", (200, 200)), ("bias", (200,))])
TARGET = 0.3


@pytest.fixture(scope="module")
def compared():
    """One comparison, and the trainings as they were done."""
    seen = []
    codecs = [THC(), (THC(bits="lane"), "allreduce"), TopKChunked(bits_per_coordinate=1.0), torch_fp16]
    until = {"loss": TARGET, "steps": 40, "seconds": 60}
    found = compare(Matrix(), codecs=codecs, workers=2, until=until, repeats=2, progress=seen.append)
    return found, seen


def runs_of(compared, method):
    return [run for run in compared[0].runs if run.method == method]


def test_both_baselines_are_compared_and_every_method_in_turns(compared):
    found, seen = compared
    assert found.methods[:2] == ("float32", "float16")
    assert found.methods[2:] == ("THC", "THC(bits='lane') by allreduce", "TopKChunked(bits_per_coordinate=1.0)",
                                 "torch_fp16")  # fmt: skip
    assert tuple(seen) == found.runs
    assert [run.method for run in found.runs[:6]] == list(found.methods)
    assert [run.method for run in found.runs[6:]] == [*found.methods[1:], found.methods[0]]
    assert {run.repeat for run in found.runs[6:]} == {1}


def test_all_methods_begin_alike_and_repeats_do_not(compared):
    begins = [{run.curve[0].metrics["loss"] for run in compared[0].runs if run.repeat == repeat} for repeat in (0, 1)]
    assert [len(each) for each in begins] == [1, 1]
    assert begins[0] != begins[1]
    assert all(run.curve[0][:2] == (0, 0) for run in compared[0].runs)


def test_training_ends_when_the_target_is_met_at_an_evaluation(compared):
    for run in compared[0].runs:
        if run.reached is None:
            assert (run.steps, run.curve[-1].steps) == (40, 40)
            assert all(point.metrics["loss"] > TARGET for point in run.curve)
        else:
            assert run.reached == run.curve[-1]
            assert run.steps == run.reached.steps
            assert run.reached.metrics["loss"] <= TARGET < run.curve[-2].metrics["loss"]
            assert run.reached.seconds == pytest.approx(run.seconds)
            assert run.steps % 5 == 0
        assert 0 < run.least <= run.step_seconds <= run.seconds
    exact = runs_of(compared, "float32")
    assert all(run.reached is not None for run in exact)
    assert [run.steps for run in runs_of(compared, "torch_fp16")] == [run.steps for run in exact]
    assert [run.curve[-1].metrics["loss"] for run in runs_of(compared, "float16")] == pytest.approx(
        [run.curve[-1].metrics["loss"] for run in exact], rel=1e-3
    )


def test_bytes_are_those_that_the_codec_foretells(compared):
    for label, codec in (("float16", Cast("float16")), ("THC", THC()), ("float32", Cast("float32"))):
        for run in runs_of(compared, label):
            assert run.bytes == pytest.approx(codec.wire_bytes(LAYOUT, workers=2).total, rel=0.01)
            assert set(run.phases) == {"encode", "exchange", "decode"}
            assert all(seconds > 0 for seconds in run.phases.values())
    assert all(run.bytes is None and run.phases is None for run in runs_of(compared, "torch_fp16"))


def test_errors_stand_beside_the_times(compared):
    errors = compared[0].errors
    assert errors["float32"].vnmse < 1e-12
    assert 0.003 < errors["THC"].vnmse < 0.03
    assert errors["THC(bits='lane') by allreduce"].vnmse < errors["THC"].vnmse / 4
    chunks = errors["TopKChunked(bits_per_coordinate=1.0)"]
    assert chunks.cumulative != chunks.vnmse
    assert "torch_fp16" not in errors


def test_the_report_prints_and_keeps_all_of_it(compared):
    text = str(compared[0])
    assert text.startswith("matrix, 2 workers, loopback\nmethod ")
    assert len(text.splitlines()) == 9
    assert f"seconds to loss {TARGET:g}" in text
    assert text.splitlines()[-1].startswith(f"{compared[0].verdict}: ")
    kept = json.loads(compared[0].to_json())
    assert kept["about"] == {"data": "drawn"}
    assert len(kept["runs"]) == 12
    assert kept["verdict"] in ("worth it", "don't bother", "unclear")


def test_a_job_of_the_program_itself_is_told_to_move(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from beforehand.gradients import THC\n"
        "from beforehand.integrations.torch import compare\n"
        "from tests.integrations.torch.small_jobs import Matrix\n"
        "class Mine(Matrix):\n    pass\n"
        "compare(Mine(), codecs=[THC()], workers=2, until={'steps': 5})\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, env={"PYTHONPATH": "."})
    assert "InvalidInput: job Mine is defined in the program itself, which other processes cannot import" in done.stderr
    assert "put it into a module" in done.stderr


def local_job():
    class Local(Matrix):
        pass

    return Local()


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"job": local_job()}, InvalidInput, "job .*Local does not pickle"),
        ({"codecs": [lambda model: None]}, InvalidInput, "method .*lambda.* does not pickle"),
        ({"codecs": ["THC"]}, InvalidInput, "a method is 'THC', but must be a codec, a pair"),
        ({"codecs": [(THC(), "gather")]}, InvalidInput, "transport is 'gather', but THC takes auto, two_shot"),
        ({"codecs": [THC(granularity=30)], "workers": 9}, CapacityExceeded, "9 workers"),
        ({"workers": 1}, InvalidInput, "workers is 1, but must be a whole number of at least 2"),
        ({"repeats": 0}, InvalidInput, "repeats is 0"),
        ({"baseline": Cast("float32")}, InvalidInput, "but must be a Cast to 16 bits"),
        ({"until": {"seconds": 5}}, InvalidInput, r"until is \{'seconds': 5\}, but must name one metric"),
        ({"until": {"loss": 1.0, "accuracy": 0.5}}, InvalidInput, "but must name one metric with its target"),
        ({"until": {"loss": math.nan}}, InvalidInput, "until asks for loss nan, but it must be a finite number"),
        ({"until": {"steps": 0}}, InvalidInput, "until asks for steps 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_a_process_starts(options, kind, message):
    given = {"job": Matrix(), "codecs": [THC()], "workers": 2, "until": {"steps": 5}} | options
    with pytest.raises(kind, match=message):
        compare(given.pop("job"), **given)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("job", "message"),
    [(Failing(), "worker 1 failed:\n(.|\n)*no data left on rank 1"), (Dying(), "worker 1 ended by itself; it wrote")],
)
def test_a_worker_that_fails_ends_the_comparison_at_once_in_its_words(job, message):
    began = time.monotonic()
    with pytest.raises(BeforehandError, match=message):
        compare(job, codecs=[THC()], workers=2, until={"steps": 9}, repeats=1)
    assert time.monotonic() - began < 60


@pytest.mark.nightly
def test_workers_that_never_answer_are_ended(monkeypatch):
    workers = sys.modules["beforehand.integrations.torch.workers"]
    monkeypatch.setattr(workers, "SILENCE", 12.0)
    with pytest.raises(TimedOut, match="worker 0, 1 was silent for 12 s; see what its job waits for"):
        compare(Sleeping(), codecs=[], workers=2, until={"steps": 9, "seconds": 10}, repeats=1)


@pytest.mark.nightly
def test_a_metric_that_the_job_lacks_is_named():
    with pytest.raises(InvalidInput, match=r"until asks for accuracy, but evaluate\(\) returns loss"):
        compare(Matrix(), codecs=[], workers=2, until={"accuracy": 0.9}, repeats=1)


def over_a_slow_link(codecs, steps):
    with ShapedLinks(2, "50mbit") as links:
        return compare(CharLM(), codecs=codecs, workers=2, link=links, until={"steps": steps}, repeats=1)


@pytest.mark.links
def test_over_a_shaped_link_bytes_have_headers():
    found = over_a_slow_link([THC(), torch_fp16], steps=14)
    runs: dict[str, object] = {run.method: run for run in found.runs}
    layout = Layout([("weight", (1_396_544,))])
    for label, codec in (("float32", Cast("float32")), ("float16", Cast("float16")), ("THC", THC())):
        assert runs[label].bytes == pytest.approx(codec.wire_bytes(layout, workers=2).total, rel=0.02)
    assert runs["torch_fp16"].bytes / runs["THC"].bytes > 2.6
    assert found.link == "50mbit"
    assert isinstance(found, Comparison)


@pytest.mark.links
@pytest.mark.nightly
def test_over_a_slow_link_compression_pays():
    found = over_a_slow_link([THC(), TopKChunked(), torch_fp16], steps=14)
    seconds = {run.method: run.step_seconds for run in found.runs}
    assert seconds["torch_fp16"] / seconds["THC"] > 1.3
    assert seconds["float32"] / seconds["THC"] > 2.2
    assert seconds["torch_fp16"] / seconds["TopKChunked"] > 1.8
    assert found.rows[0].method == "TopKChunked"
    assert found.verdict == "worth it"


def test_adaptive_is_judged_by_the_transport_that_is_asked_for():
    with pytest.raises(InvalidInput, match="transport is 'allreduce', but Adaptive takes auto, two_shot, gather"):
        compare(Matrix(), codecs=[(Adaptive(), "allreduce")], workers=2, until={"steps": 5})
