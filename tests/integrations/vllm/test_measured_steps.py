"""Iterations of a real engine, timed: by experiments, and by a scheduler that serves."""

import gc
import signal

import numpy as np
import pytest
from vllm.v1.core.sched.scheduler import Scheduler as Stock

from beforehand.cli.app import run as beforehand
from beforehand.core import Trace
from beforehand.integrations.vllm import Scheduler
from beforehand.integrations.vllm.measured_steps import DECODES, ROUNDS, Experiment, experiments, measure_steps
from beforehand.scheduling.serving import EngineProfile, check_requests, fit_profile
from tests.integrations.vllm.engines import add, new_scheduler, run, without_llvmlite

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def measured(model):
    begun = []
    with without_llvmlite():
        steps = measure_steps(
            model,
            max_num_seqs=4,
            max_batched_tokens=128,
            contexts=(16, 64, 2048),
            begin=begun.append,
            enforce_eager=True,
            max_model_len=256,
            kv_cache_memory_bytes=1 << 22,
            block_size=32,
            dtype="float32",
        )
    return steps, begun


def test_every_experiment_leaves_the_iterations_that_it_must(measured):
    steps, _ = measured
    rows = np.column_stack([steps[name] for name in ("new_tokens", "context_tokens", "prefill_pairs")]).tolist()
    for decoding, context in ((1, 16), (2, 16), (4, 16), (1, 64), (2, 64)):  # whose prompts fit one iteration
        first = decoding * (context + 1)
        assert [decoding, first, 0] in rows, "the first token after the prompt attends to it and to itself"
        assert [decoding, first + decoding * (DECODES - 2), 0] in rows
    assert steps["context_tokens"].max() < 128 * 4, "the prompt of 2,048 tokens is longer than the model allows"
    assert rows.count([64, 0, 64 * 65 // 2]) >= ROUNDS, "a prefill alone"
    assert max(row[0] for row in rows) == 128
    assert any(new > 16 and context and pairs for new, context, pairs in rows), "a prefill beside decoding"
    assert (steps["seconds"] > 0).all()


def test_the_engine_says_how_much_its_cache_holds(measured):
    steps, begun = measured
    meta = steps.meta
    assert meta["block_size"] == 32
    assert meta["kv_bytes_per_token"] == 2 * 2 * 32 * 4  # keys and values of one head in two layers, in float32
    assert abs(meta["kv_tokens"] - (1 << 22) // 512) <= 64
    assert "vLLM" in meta["source"]
    assert meta["swap_latency"] >= 0
    assert 1e7 < meta["swap_bytes_per_second"] < 1e13
    assert begun[0] == "loading the model"


def test_the_steps_make_a_profile(measured):
    steps, _ = measured
    columns = [steps[name] for name in ("new_tokens", "context_tokens", "prefill_pairs", "seconds")]
    meta = steps.meta
    profile = fit_profile(
        *columns, name="random", kv_tokens=meta["kv_tokens"], kv_bytes_per_token=meta["kv_bytes_per_token"]
    )
    assert 0 < profile.step_seconds(1) <= profile.step_seconds(128)


def test_an_engine_that_was_measured_leaves_later_ones_alone(measured, llm):
    gc.collect()
    new_scheduler(llm, Stock)
    add(llm, 1, 3)
    assert len(run(llm)["1"]) == 3


def test_what_a_scheduler_records_is_all_that_calibrate_needs(measured, llm, tmp_path, capsys):
    new_scheduler(llm, Scheduler, settings={"record": str(tmp_path / "served.npz")}, max_num_seqs=16)
    for number in range(40):
        add(llm, number, 20 + number % 17, length=10 + 3 * number)
    run(llm)
    signal.raise_signal(signal.SIGUSR2)
    assert beforehand(["scheduling", "calibrate", "--steps", str(tmp_path / "served.steps.npz"), "--json"]) == 0
    profile = EngineProfile.from_json(capsys.readouterr().out)
    assert (profile.block_size, profile.kv_tokens) == (32, 200 * 32)
    assert 0 < profile.step_seconds(1) <= profile.step_seconds(256)
    served = Trace.load(tmp_path / "served.npz")
    check_requests(served)
    assert len(served) == 40


def test_experiments_stay_within_the_model_the_cache_and_the_budget():
    every = list(experiments(8, 512, (64, 2048), longest=1000, room=700))
    assert Experiment(8, 64) not in every, "eight requests with 96 tokens each do not fit 700"
    assert Experiment(4, 64) in every
    assert max(each.context for each in every) == 64
    assert max(each.chunk for each in every) == 512
    assert Experiment(7, 64, 512) not in every
    assert every.count(Experiment(0, 64, 512)) == ROUNDS
    assert next(experiments(1, 64, (64,), longest=30, room=700)).context == 30
