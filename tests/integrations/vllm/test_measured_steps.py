"""Iterations of a real engine, timed; the model has random weights."""

import json

import numpy as np
import pytest

from beforehand.integrations.vllm.measured_steps import DECODES, ROUNDS, Experiment, experiments, measure_steps
from beforehand.scheduling.serving import fit_profile

pytestmark = pytest.mark.vllm
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 128,
    "num_attention_heads": 2, "num_key_value_heads": 2, "num_hidden_layers": 1, "vocab_size": 128,
    "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "torch_dtype": "float32", "hidden_act": "silu",
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
ENGINE = {
    "load_format": "dummy", "skip_tokenizer_init": True, "enforce_eager": True, "dtype": "float32", "block_size": 32,
    "kv_cache_memory_bytes": 1 << 22,
}  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("random_llama")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    begun = []
    steps = measure_steps(
        folder, max_num_seqs=4, max_batched_tokens=128, contexts=(16, 64, 2048), begin=begun.append, **ENGINE
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
    assert meta["kv_bytes_per_token"] == 2 * 64 * 4  # keys and values of one layer in float32
    assert abs(meta["kv_tokens"] - (1 << 22) // 512) <= 64
    assert "vLLM" in meta["source"]
    assert begun[0] == "loading the model"


def test_the_steps_make_a_profile(measured):
    steps, _ = measured
    columns = [steps[name] for name in ("new_tokens", "context_tokens", "prefill_pairs", "seconds")]
    meta = steps.meta
    profile = fit_profile(
        *columns, name="random", kv_tokens=meta["kv_tokens"], kv_bytes_per_token=meta["kv_bytes_per_token"]
    )
    assert 0 < profile.step_seconds(1) <= profile.step_seconds(128)


def test_experiments_stay_within_the_model_the_cache_and_the_budget():
    every = list(experiments(8, 512, (64, 2048), longest=1000, room=700))
    assert Experiment(8, 64) not in every, "eight requests with 96 tokens each do not fit 700"
    assert Experiment(4, 64) in every
    assert max(each.context for each in every) == 64
    assert max(each.chunk for each in every) == 512
    assert Experiment(7, 64, 512) not in every
    assert every.count(Experiment(0, 64, 512)) == ROUNDS
    assert next(experiments(1, 64, (64,), longest=30, room=700)).context == 30
