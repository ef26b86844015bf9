"""A probe inside a real engine: it reads what Hugging Face computes, when it should, and can be switched off alone."""

import logging.handlers
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from vllm.v1.outputs import AsyncModelRunnerOutput, ModelRunnerOutput

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm import Scheduler, report, worker
from beforehand.integrations.vllm.tap import AuxTap, HookTap
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe, edges
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity
from tests.integrations.vllm.engines import add, close, make_engine, new_scheduler, prompt_of, run

pytestmark = pytest.mark.vllm
LAYER, K, WORKER = 0, 10, "beforehand.integrations.vllm.ProbeWorker"


def random_probe(identity, layer=LAYER, **options):
    random, d = np.random.default_rng(0), identity.hidden_size
    weights = (random.standard_normal((d, 32)) * 0.3, np.zeros(32), random.standard_normal((32, K)), np.zeros(K))
    return LengthProbe(layer=layer, bins=edges(K, 512), weights=weights, model=identity, **options)


@pytest.fixture(scope="module")
def identity(model):
    return ModelIdentity.of(AutoConfig.from_pretrained(model), str(model))


@pytest.fixture(scope="module")
def probe(identity):
    return random_probe(identity)


@pytest.fixture(scope="module")
def probe_file(probe, tmp_path_factory):
    path = tmp_path_factory.mktemp("probe") / "probe.npz"
    probe.save(path)
    return str(path)


@pytest.fixture(scope="module", params=[AuxTap, HookTap], ids=["handed out", "by a hook"])
def tapped(request, model, probe_file):
    """An engine whose worker reads states in one of the two ways, and all that the worker says."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "tap", request.param)
        sample = worker.ProbeWorker.sample_tokens

        def listened(self, *args, **kwargs):
            output = sample(self, *args, **kwargs)
            said.append(dict(getattr(output, "beforehand", {})))
            return output

        patch.setattr(worker.ProbeWorker, "sample_tokens", listened)
        settings = {"probe": probe_file, "refine_every": 1}
        llm = make_engine(model, worker_cls=WORKER, dtype="float32", additional_config={"beforehand": settings})
        yield llm, said
    close(llm)


def worker_of(llm):
    return llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker


@pytest.fixture
def log():
    """What our worker says, in whatever way vLLM has set up its own log."""
    handler = logging.handlers.BufferingHandler(1000)
    report.LOGGER.addHandler(handler)
    yield handler.buffer
    report.LOGGER.removeHandler(handler)


def said_in(log):
    return [each.getMessage() for each in log if "length probe" in each.getMessage()]


def every(llm, steps):
    worker_of(llm)._reading._every = steps


def wanted(model, probe, prompt, answer):
    """The probe's probabilities at the prompt's end and after each token but the last, by Hugging Face's states."""
    network = AutoModelForCausalLM.from_pretrained(model).float()
    with torch.inference_mode():
        found = network(input_ids=torch.tensor([prompt + answer]), output_hidden_states=True)
    return probe.probabilities(found.hidden_states[LAYER + 1][0, len(prompt) - 1 : -1].numpy())


def rows_of(said, name):
    """All that was said of one request, whose id in the engine begins with its name."""
    return np.stack([row for step in said for id, row in step.items() if id.split("-")[0] == name])


def test_the_states_are_those_of_hugging_face_at_every_token(tapped, model, probe):
    llm, said = tapped
    new_scheduler(llm, Scheduler, settings={})
    every(llm, 1)
    lengths = [3, 70, 300]  # the last one in two chunks of 256 tokens
    for _ in ("computed", "from the prefix cache"):
        said.clear()
        for number, length in enumerate(lengths):
            add(llm, number, 6, length=length)
        finished = run(llm)
        for number, length in enumerate(lengths):
            rows = wanted(model, probe, prompt_of(number, length), finished[str(number)])
            assert rows_of(said, str(number)) == pytest.approx(rows, abs=2e-5)


def test_each_running_request_is_read_every_so_many_steps_and_after_its_prompt(tapped):
    llm, said = tapped
    new_scheduler(llm, Scheduler, settings={}, max_num_seqs=8)
    every(llm, 4)
    said.clear()
    for number in range(6):
        add(llm, number, 17, length=5 + 40 * number)
    run(llm)
    seen = {str(number): [] for number in range(6)}
    for step, rows in enumerate(said):
        for id in rows:
            seen[id.split("-")[0]].append(step)
    for steps in seen.values():
        assert len(steps) in (5, 6)
        assert max(np.diff(steps)) == 4
        assert set(np.diff(steps)[1:]) == {4}


def test_the_scheduler_knows_what_is_left_of_each_running_request(tapped, probe_file):
    llm, _ = tapped
    scheduler = new_scheduler(
        llm, Scheduler, settings={"policy": {"policy": "trail", "fraction": 0.8}, "probe": probe_file}
    )
    every(llm, 1)
    for number in range(3):
        add(llm, number, 10)
    ages, left = [], []

    def look(step):
        for tracked in scheduler.order.tracked.values():
            if tracked.posterior is not None:
                ages.append(tracked.request.num_output_tokens - tracked.refined_age)
                left.append(tracked.refined)
                assert tracked.posterior.sum() == pytest.approx(1)

    run(llm, look)
    assert set(ages) == {1}
    assert 1 <= min(left) <= max(left) <= 512
    assert scheduler.order is not None
    assert not scheduler.order.tracked


def test_preempted_requests_are_read_again(tapped, probe_file):
    llm, said = tapped
    scheduler = new_scheduler(llm, Scheduler, settings={"probe": probe_file}, max_num_seqs=8, blocks=10)
    every(llm, 1)
    said.clear()
    for number in range(6):
        add(llm, number, 70)
    finished = run(llm)
    assert len(finished) == 6
    assert scheduler.order is not None
    read = [sum(id.split("-")[0] == str(number) for step in said for id in step) for number in range(6)]
    assert min(read) >= 70


def test_what_the_probe_says_survives_the_way_between_processes():
    output = ModelRunnerOutput(req_ids=["a"], req_id_to_index={"a": 0})
    output.beforehand = {"a": np.ones(3, "f4")}
    assert pickle.loads(pickle.dumps(output)).beforehand["a"].tolist() == [1, 1, 1]


def test_asynchronous_outputs_carry_it_when_they_are_fetched():
    class Slow(AsyncModelRunnerOutput):
        def get_output(self):
            return ModelRunnerOutput(req_ids=["a", "b"], req_id_to_index={"a": 0, "b": 1})

    rows = torch.tensor([[0.25, 0.75], [np.nan, np.nan]])
    late = worker.LateOutput(Slow(), worker.Due(["a", "b"], [0, 1]), rows)
    assert isinstance(late, AsyncModelRunnerOutput)
    assert {id: row.tolist() for id, row in late.get_output().beforehand.items()} == {"a": [0.25, 0.75]}


def test_a_probe_that_fails_is_switched_off_and_loses_no_answer(tapped, log, probe_file):
    llm, _ = tapped
    reading = worker_of(llm)._reading
    scheduler = new_scheduler(llm, Scheduler, settings={"probe": probe_file})
    steps = []

    def fails():
        steps.append(len(steps))
        if len(steps) == 5:
            raise RuntimeError("no such state")
        return reading()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_of(llm), "_reading", fails)
        for number in range(3):
            add(llm, number, 12)
        assert len(run(llm)) == 3
    worker_of(llm)._reading = reading
    assert len(steps) == 5
    assert scheduler.order is not None
    assert said_in(log) == ["the length probe is off, since it failed"]
    assert "no such state" in str(log[-1].exc_info[1])


def refused(llm, path, log, strict=False):
    """The line that the log gets when a worker loads its model and cannot have the probe."""
    loading = worker_of(llm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEFOREHAND_STRICT", "1" if strict else "0")
        patch.setattr(worker.Worker, "load_model", lambda self: None)
        patch.setattr(loading.vllm_config, "additional_config", {"beforehand": {"probe": str(path)}})
        patch.setattr(loading, "_reading", None)
        loading.load_model()
        assert loading._reading is None
    [line] = said_in(log)
    return line


@pytest.fixture
def of_another_model(identity, tmp_path):
    path = tmp_path / "probe.npz"
    random_probe(ModelIdentity(**identity.fields() | {"name": "large"})).save(path)
    return path


def test_a_probe_of_another_model_is_refused_at_start(tapped, of_another_model, log):
    line = refused(tapped[0], of_another_model, log)
    assert line.startswith("the length probe is off: this probe was trained on large")


def test_a_damaged_probe_is_refused_at_start(tapped, tmp_path, log):
    (tmp_path / "probe.npz").write_bytes(b"PK nothing")
    line = refused(tapped[0], tmp_path / "probe.npz", log)
    assert line.startswith("the length probe is off: ")
    assert "probe.npz cannot be read" in line


def test_a_worker_without_a_probe_says_so(tapped, log):
    assert refused(tapped[0], "", log) == (
        "the length probe is off: no probe is named; pass its path as setting 'probe'"
    )


def test_strict_mode_refuses_to_start(tapped, of_another_model, log):
    with pytest.raises(InvalidInput, match="was trained on large"):
        refused(tapped[0], of_another_model, log, strict=True)


@pytest.mark.filterwarnings(r"ignore:(?s).*reflected list")  # of numba, about vLLM's own code
def test_speculative_decoding_switches_only_the_probe_off(model, probe_file, log):
    speculative = {"method": "ngram", "num_speculative_tokens": 2, "prompt_lookup_max": 3}
    settings = {"beforehand": {"probe": probe_file}}
    llm = make_engine(model, worker_cls=WORKER, additional_config=settings, speculative_config=speculative)
    try:
        assert worker_of(llm)._reading is None
        add(llm, 0, 5)
        assert len(run(llm)["0"]) == 5
    finally:
        close(llm)
    [line] = said_in(log)
    assert "speculative decoding writes several tokens a step" in line


def engine_config(**changes):
    base = {
        "speculative_config": None,
        "parallel_config": SimpleNamespace(pipeline_parallel_size=1),
        "kv_transfer_config": None,
        "cache_config": SimpleNamespace(enable_prefix_caching=True),
    }
    return SimpleNamespace(**base | changes)


V1 = SimpleNamespace(input_batch=None, requests=None)


@pytest.mark.parametrize(
    ("changes", "runner", "words"),
    [
        ({}, V1, []),
        ({"parallel_config": SimpleNamespace(pipeline_parallel_size=2)}, V1, ["spread over a pipeline"]),
        ({"kv_transfer_config": SimpleNamespace(kv_role="kv_consumer")}, V1, ["only a kv_consumer"]),
        ({"kv_transfer_config": SimpleNamespace(kv_role="kv_both")}, V1, []),
        ({}, SimpleNamespace(), ["its structure is unknown; start with VLLM_USE_V2_MODEL_RUNNER=0"]),
    ],
)
def test_engines_that_no_probe_can_read_are_told_why(probe, changes, runner, words):
    found = worker.problems(engine_config(**changes), runner, probe)
    assert len(found) == len(words)
    assert all(word in problem for word, problem in zip(words, found, strict=True))


def test_a_probe_that_reads_whole_prompts_is_refused(identity):
    averaged = random_probe(identity, prefill="mean")
    assert any("prefill='mean'" in each for each in worker.problems(engine_config(), V1, averaged))
