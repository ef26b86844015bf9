import json

import numpy as np
import pytest

from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.scheduling.serving import PROFILES, EngineProfile

LLAMA = PROFILES["llama3-8b-a100-80g"]
KV = ["--kv-tokens", "400000", "--kv-bytes-per-token", "131072"]


def columns(count=400, noise=0.01):
    random = np.random.default_rng(0)
    new = random.integers(1, 2049, count)
    context, pairs = random.integers(0, 10**5, count), random.integers(0, 10**6, count)
    seconds = LLAMA.step_seconds(new, context, pairs) * np.exp(noise * random.standard_normal(count))
    return {"new_tokens": new, "context_tokens": context, "prefill_pairs": pairs, "seconds": seconds}


@pytest.fixture
def steps(tmp_path):
    path = tmp_path / "steps.npz"
    np.savez(path, **columns())
    return path


def test_recorded_steps_become_a_profile_file(capsys, tmp_path, steps):
    profile = tmp_path / "mine.json"
    assert run(["scheduling", "calibrate", "--steps", str(steps), *KV, "-o", str(profile)]) == 0
    shown = capsys.readouterr().out
    assert "1,536" in shown
    assert "384 new tokens" in shown
    assert f"wrote {profile}" in shown
    assert "25 GB/s, assumed" in shown
    found = EngineProfile.load(profile)
    assert (found.name, found.kv_tokens, found.block_size) == ("steps", 400_000, 16)
    assert abs(found.step_seconds(700) / LLAMA.step_seconds(700) - 1) < 0.02


def test_the_record_beside_the_steps_is_told_from_them(capsys, tmp_path):
    served = tmp_path / "served.npz"
    Trace("requests", {"arrival": [0.0], "prompt_tokens": [1], "output_tokens": [1]}).save(served)
    assert run(["scheduling", "calibrate", "--steps", str(served), *KV]) == 2
    assert "kind is 'steps'" in capsys.readouterr().err
    Trace("steps", columns()).save(tmp_path / "served.steps.npz")
    assert run(["scheduling", "calibrate", "--steps", str(served), *KV]) == 2
    assert f"holds no iterations; they lie beside it, so pass --steps {tmp_path}" in capsys.readouterr().err


def test_what_the_file_knows_of_the_cache_need_not_be_said(capsys, tmp_path):
    meta = {"kv_tokens": 7000, "kv_bytes_per_token": 4096, "block_size": 32, "source": "my engine"}
    meta |= {"swap_latency": 1e-4, "swap_bytes_per_second": 12e9}
    Trace("steps", columns(), meta=meta).save(tmp_path / "steps.npz")
    assert run(["scheduling", "calibrate", "--steps", str(tmp_path / "steps.npz"), "--json", "--name", "mine"]) == 0
    found = EngineProfile.from_json(capsys.readouterr().out)
    assert (found.name, found.kv_tokens, found.kv_bytes_per_token, found.block_size) == ("mine", 7000, 4096, 32)
    assert (found.source, found.swap_latency, found.swap_bytes_per_second) == ("my engine", 1e-4, 12e9)


def test_a_profile_that_errs_much_says_so(capsys, tmp_path):
    np.savez(tmp_path / "steps.npz", **columns(noise=0.5))
    assert run(["scheduling", "calibrate", "--steps", str(tmp_path / "steps.npz"), *KV]) == 0
    assert "as rough" in capsys.readouterr().out


def test_the_saturation_can_be_set(capsys, steps):
    assert run(["scheduling", "calibrate", "--steps", str(steps), *KV, "--saturation", "512", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["saturation"] == 512


@pytest.mark.parametrize("options", [[], ["--steps", "a.npz", "--model", "llama"]])
def test_steps_and_model_are_alternatives(capsys, options):
    assert run(["scheduling", "calibrate", *options]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_cache_that_nobody_knows_is_asked_for(capsys, steps):
    assert run(["scheduling", "calibrate", "--steps", str(steps)]) == 2
    assert "pass --kv-tokens" in capsys.readouterr().err


def test_steps_that_lack_a_column_are_refused(capsys, tmp_path):
    np.savez(tmp_path / "steps.npz", new_tokens=np.arange(1, 100), seconds=np.ones(99))
    assert run(["scheduling", "calibrate", "--steps", str(tmp_path / "steps.npz"), *KV]) == 2
    assert "context_tokens" in capsys.readouterr().err


def test_a_model_without_vllm_is_one_clear_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vllm", None)
    assert run(["scheduling", "calibrate", "--model", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "needs vLLM" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("engine", ["tensor_parallel_size=2", "[1]", "2"])
def test_arguments_of_the_engine_that_are_no_object_are_refused(capsys, tmp_path, engine):
    assert run(["scheduling", "calibrate", "--model", str(tmp_path), "--engine", engine]) == 2
    assert "engine is" in capsys.readouterr().err
