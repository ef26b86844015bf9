import numpy as np
import pytest

from beforehand.core import Price, Trace
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_profile import PROFILES
from beforehand.scheduling.policies.classic import SPJF
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.simulator.prompts import Recorded, segment_features
from beforehand.scheduling.serving.simulator.simulate import simulate

PROFILE = PROFILES["llama3-8b-a100-80g"]
RANDOM = np.random.default_rng(0)
PROMPTS = RANDOM.integers(10, 900, 120)
TOLD = Trace(
    "requests",
    {"arrival": np.sort(RANDOM.uniform(0, 2, 120)), "prompt_tokens": PROMPTS, "output_tokens": PROMPTS // 3 + 1},
)


def test_a_segment_knows_what_was_said_before_it():
    calls = {"output_tokens": [5, 6, 7], "seconds": [1.0] * 3, "return_tokens": [30, 40, 50], "tool": ["a"] * 3}
    columns = {
        "arrival": [0.0, 1.0],
        "prompt_tokens": [100, 10],
        "output_tokens": [8, 9],
        "turn": [0, 4],
        "prefix_id": [3, 7],
        "prefix_tokens": [5, 5],
        "tenant": ["x", "y"],
    }
    found = segment_features(Trace("requests", columns, children={"calls": ([0, 2, 3], calls)}))
    assert found["prompt_tokens"].tolist() == [100, 135, 181, 10, 67]
    assert found["turn"].tolist() == [0, 1, 2, 4, 5]
    assert found["prefix_id"].tolist() == [3, 3, 3, 7, 7]
    assert found["tenant"].tolist() == ["x", "x", "x", "y", "y"]


def test_a_predictor_that_reads_prompts_is_asked_about_prompts():
    model = PromptLength().fit(segment_features(TOLD), TOLD["output_tokens"])
    asked = simulate(TOLD, profile=PROFILE, policy=SPJF(), lengths=model, max_num_seqs=4)
    values = Recorded(model.predict(segment_features(TOLD)), model.price)
    recorded = simulate(TOLD, profile=PROFILE, policy=SPJF(), lengths=values, max_num_seqs=4)
    assert asked.finish.tolist() == recorded.finish.tolist()
    assert asked.counts["lengths"] == 120
    assert asked.counts["failed"] == 0
    assert asked.counts["prediction_seconds"] == pytest.approx(120 * model.price.seconds)


def test_recorded_predictions_of_conversations_that_never_fit_are_left_out():
    columns = {name: np.append(TOLD[name], last) for name, last in
               (("arrival", 3.0), ("prompt_tokens", 10_000), ("output_tokens", 5))}  # fmt: skip
    values = np.append(TOLD["output_tokens"], 5).astype(float)
    options = {"profile": PROFILE, "policy": SPJF(), "kv_tokens": 8_000, "max_num_seqs": 4}
    dropped = simulate(
        Trace("requests", columns), lengths=Recorded(values, Price(per="request")), reject_oversized=True, **options
    )
    assert dropped.counts["failed"] == 0
    assert dropped.finish.tolist() == simulate(TOLD, lengths="exact", **options).finish.tolist()


def test_recorded_predictions_fit_their_segments_only():
    with pytest.raises(InvalidInput, match="there are 3 predictions, but 2 segments"):
        Recorded(np.ones(3)).predict(np.ones(2))
