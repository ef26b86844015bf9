"""The tap for model runner V2 on stand-ins of its structure; a GPU has yet to show it."""

from types import SimpleNamespace

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm import tap_v2
from beforehand.integrations.vllm.tap_v2 import V2Tap

pytestmark = pytest.mark.vllm


class Model:
    layers = None

    def set_aux_hidden_state_layers(self, layers):
        self.layers = layers


def runner(**changes):
    fields = {
        "model": Model(),
        "model_config": None,
        "use_aux_hidden_state_outputs": False,
        "execute_model_state": None,
    }
    return SimpleNamespace(**fields | changes)


def batch():
    """Two that decode, one whose prompt is done in this step, one whose prompt goes on."""
    return SimpleNamespace(
        req_ids=["a", "b", "c", "d"],
        num_reqs=4,
        num_scheduled_tokens=np.array([1, 1, 5, 4]),
        num_computed_prefill_tokens_np=np.array([7, 9, 3, 0]),
        prefill_len_np=np.array([7, 9, 8, 9]),
        is_prefilling_np=np.array([False, False, True, True]),
        logits_indices=np.array([0, 1, 6, 10]),
    )


def test_the_states_of_the_newest_tokens_are_read_in_the_order_of_the_batch():
    made = runner()
    tap = V2Tap(made, 4)
    assert made.model.layers == (5,)
    assert made.use_aux_hidden_state_outputs
    assert tap.states() is None
    states = np.arange(16)[:, None] * np.ones(3)  # the last rows are padding
    made.execute_model_state = SimpleNamespace(input_batch=batch(), aux_hidden_states=[states])
    assert tap.states()[:, 0].tolist() == [0, 1, 6, 10]
    assert tap.due(every=True) == (["a", "b", "c"], [0, 1, 2])
    assert tap.due(every=False) == (["c"], [2])


def test_speculation_that_reads_states_itself_is_refused():
    with pytest.raises(InvalidInput, match="hands out auxiliary states already"):
        V2Tap(runner(use_aux_hidden_state_outputs=True), 0)
    with pytest.raises(InvalidInput, match="hands out no states; start with VLLM_USE_V2_MODEL_RUNNER=0"):
        V2Tap(runner(model=object()), 0)


def test_it_is_refused_until_a_gpu_has_shown_it():
    assert tap_v2.problems(runner()) == [
        "the tap for model runner V2 has not been tried on a GPU yet; start with VLLM_USE_V2_MODEL_RUNNER=0"
    ]
    [problem] = tap_v2.problems(SimpleNamespace(model=None))
    assert "has no model_config, use_aux_hidden_state_outputs, execute_model_state" in problem
