import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.engine_profile import PROFILES, EngineProfile, saturation_of

LLAMA, GPTJ = PROFILES["llama3-8b-a100-80g"], PROFILES["gptj-6b-a100-40g"]
GOOD = {"tokens": [1, 8], "seconds": [0.1, 0.2], "saturation": 8, "kv_bytes_per_token": 1, "kv_tokens": 64}


def test_an_iteration_is_linear_between_grid_points_flat_below_and_goes_on_above():
    toy = EngineProfile("toy", **GOOD | {"tokens": [2, 4, 8], "seconds": [1.0, 2.0, 6.0]})
    assert [toy.step_seconds(n) for n in (0, 2, 3, 4, 6, 8, 10)] == [1.0, 1.0, 1.5, 2.0, 4.0, 6.0, 8.0]
    np.testing.assert_array_equal(toy.step_seconds([0, 2, 3, 4, 6, 8, 10]), [1.0, 1.0, 1.5, 2.0, 4.0, 6.0, 8.0])


def test_one_grid_point_is_a_constant():
    toy = EngineProfile("toy", **GOOD | {"tokens": [4], "seconds": [0.5]})
    assert toy.step_seconds(1) == toy.step_seconds(900) == 0.5
    assert toy.step_seconds(np.array([1, 900])).tolist() == [0.5, 0.5]
    assert toy.work_rates(2048) == (0.0, 0.0, 0.0)


def test_above_the_grid_no_iteration_takes_less_than_the_last_one_measured():
    toy = EngineProfile("toy", **GOOD | {"tokens": [1, 4, 8], "seconds": [0.1, 0.3, 0.2]})  # a noisy measurement
    assert [toy.step_seconds(n) for n in (6, 8, 2048)] == [0.25, 0.2, 0.2]
    np.testing.assert_array_equal(toy.step_seconds([6, 8, 2048]), [0.25, 0.2, 0.2])


def test_context_and_prefill_pairs_come_on_top():
    assert LLAMA.step_seconds(64, 10_000, 0) - LLAMA.step_seconds(64) == pytest.approx(10_000 * 131_072 / 1.4e12)
    assert LLAMA.step_seconds(64, 0, 10**6) - LLAMA.step_seconds(64) == pytest.approx(4.369e-3, rel=1e-3)


@given(n=st.floats(0, 5000), context=st.floats(0, 1e6), pairs=st.floats(0, 1e8))
def test_numbers_and_arrays_agree_and_more_never_takes_less(n, context, pairs):
    for profile in PROFILES.values():
        alone = profile.step_seconds(n, context, pairs)
        assert profile.step_seconds([n], context, pairs)[0] == pytest.approx(alone, rel=1e-12)
        assert profile.step_seconds(n + 1, context + 1, pairs + 1) >= alone


def test_the_published_tables():
    assert LLAMA.step_seconds(1) == pytest.approx(12.20e-3)
    assert LLAMA.step_seconds(2048) == pytest.approx(148.07e-3)
    assert GPTJ.step_seconds(384) == pytest.approx(27.7792e-3)
    assert all("not your machine" in profile.source for profile in PROFILES.values())


def test_throughput_saturates_at_384_tokens_with_and_without_host_time():
    tokens, seconds = np.asarray(LLAMA.tokens), np.asarray(LLAMA.seconds)
    assert saturation_of(tokens, seconds) == saturation_of(tokens, seconds - 2.5e-3) == LLAMA.saturation == 384


def test_work_rates_are_what_one_more_token_costs():
    prefill, decode, context = LLAMA.work_rates(2048)
    assert [round(each * 1e6, 4) for each in (prefill, decode)] == [66.3752, 27.4016]
    assert context * 1e9 == pytest.approx(93.6229, abs=1e-4)
    assert LLAMA.work_rates(1).prefill == pytest.approx(LLAMA.step_seconds(2) - LLAMA.step_seconds(1))


def test_a_copy_takes_its_latency_and_its_bytes():
    assert GPTJ.swap_seconds(1040) == pytest.approx(19.084e-3, abs=1e-6)
    slow = replace(GPTJ, swap_latency=0.5)
    np.testing.assert_allclose(slow.swap_seconds(np.array([0, 1040])), [0.5, 0.519084], atol=1e-6)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda each: each.name)
def test_json_file_and_pickle_give_it_again(profile, tmp_path):
    profile.save(tmp_path / "profile.json")
    again = [EngineProfile.from_json(profile.to_json()), EngineProfile.load(tmp_path / "profile.json")]
    again.append(pickle.loads(pickle.dumps(profile)))
    assert all(each == profile and hash(each) == hash(profile) for each in again)
    assert math.isnan(again[0].error_p50)
    assert profile != replace(profile, kv_tokens=1)
    assert profile != "profile"


def test_its_columns_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        LLAMA.tokens[0] = 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tokens": [8, 1]}, r"tokens is \[8, 1\], but must rise"),
        ({"tokens": [1, 1]}, "but must rise"),
        ({"tokens": [-1, 1]}, "but must rise from 0"),
        ({"tokens": [1, 2.5]}, "of whole numbers"),
        ({"tokens": [1, math.nan]}, "of whole numbers"),
        ({"tokens": []}, "two equally long sequences"),
        ({"tokens": [1]}, "two equally long sequences"),
        ({"tokens": "ab"}, "two equally long sequences"),
        ({"tokens": [True, True]}, "of whole numbers"),
        ({"seconds": [0.1, math.inf]}, "above 0 and finite"),
        ({"seconds": [0.0, 0.1]}, "above 0 and finite"),
        ({"seconds": ["a", "b"]}, "sequences of numbers"),
        ({"saturation": 0}, "saturation is 0"),
        ({"kv_tokens": 1.5}, "kv_tokens is 1.5"),
        ({"block_size": 0}, "block_size is 0"),
        ({"swap_overlap": 1.5}, "swap_overlap is 1.5"),
        ({"swap_bytes_per_second": 0}, "swap_bytes_per_second is 0"),
        ({"seconds_per_context_token": -1e-9}, "seconds_per_context_token is -1e-09"),
        ({"error_p50": -1.0}, "error_p50 is -1.0"),
        ({"source": 3}, "source is 3"),
    ],
)
def test_a_field_out_of_range_is_refused(changed, message):
    with pytest.raises(InvalidInput, match=message):
        EngineProfile("toy", **GOOD | changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the JSON of a profile"),
        ("[]", "a JSON object with format 1"),
        ('{"format": 2}', "a JSON object with format 1"),
        ('{"format": 1}', "not a profile"),
        ("[" * 10_000, "not the JSON of a profile"),
        (json.dumps({"format": 1, "name": "x", "speed": 3}), "has no field speed"),
        (json.dumps({"format": 1, "name": "x"} | GOOD | {"tokens": [2, 1]}), "must rise"),
        (json.dumps({"format": 1, "name": "x"} | GOOD | {"kv_tokens": None}), "kv_tokens is nan"),
        (json.dumps({"format": 1, "name": "x"} | GOOD | {"tokens": [[1], [2, 3]]}), "sequences of numbers"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(text, message, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(CorruptData, match=message):
        EngineProfile.from_json(text)
    with pytest.raises(CorruptData, match=r"profile\.json: "):
        EngineProfile.load(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        EngineProfile.load(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptData, match="is not text"):
        EngineProfile.load(tmp_path / "bytes.json")
