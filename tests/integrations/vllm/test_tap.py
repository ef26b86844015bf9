"""Which rows a tap of model runner V1 reads, on stand-ins of the runner; `test_worker` reads real ones."""

from types import SimpleNamespace

import pytest

from beforehand.integrations.vllm.tap import Due, Tap

pytestmark = pytest.mark.vllm


class Bare(Tap):
    def __init__(self, runner):
        self._runner = runner

    def states(self):
        return None


def request(prompt, computed, outputs):
    return SimpleNamespace(num_prompt_tokens=prompt, num_computed_tokens=computed, output_token_ids=[7] * outputs)


class Runner:
    """Runs steps as vLLM's does: counts of tokens by request, of which some are new and some resumed."""

    def __init__(self):
        self.requests = {}

    def step(self, scheduled, *, new=(), resumed=()):
        self.input_batch = SimpleNamespace(req_ids=list(self.requests))
        self.execute_model_state = SimpleNamespace(
            scheduler_output=SimpleNamespace(
                num_scheduled_tokens=scheduled,
                scheduled_new_reqs=[SimpleNamespace(req_id=each) for each in new],
                scheduled_cached_reqs=SimpleNamespace(resumed_req_ids=set(resumed)),
            )
        )


@pytest.fixture
def decoding():
    """A runner and its tap after a step in which a and b, whose prompts have 4 tokens, decoded."""
    runner = Runner()
    runner.requests = {"a": request(4, 6, 3), "b": request(4, 4, 1)}
    tap = Bare(runner)
    runner.step({"a": 1, "b": 1})
    assert tap.due(every=True) == Due(["a", "b"], [0, 1])
    return runner, tap


def test_decoding_alone_is_read_only_where_all_are(decoding):
    runner, tap = decoding
    runner.requests = {"a": request(4, 7, 4), "b": request(4, 5, 2)}
    runner.step({"a": 1, "b": 1})
    assert tap.due(every=False) == Due([], [])
    assert tap.due(every=True) == Due(["a", "b"], [0, 1])


def test_a_prompt_of_one_token_is_read_beside_those_that_decode(decoding):
    runner, tap = decoding
    runner.requests = {"a": request(4, 7, 4), "b": request(4, 5, 2), "c": request(1, 0, 0)}
    runner.step({"a": 1, "b": 1, "c": 1}, new=["c"])
    assert tap.due(every=False) == Due(["c"], [2])


def test_the_last_token_of_a_prompt_in_pieces_is_read(decoding):
    runner, tap = decoding
    runner.requests["c"] = request(3, 0, 0)
    runner.step({"a": 1, "b": 1, "c": 2}, new=["c"])
    assert tap.due(every=False) == Due([], [])
    runner.requests["c"] = request(3, 2, 0)
    runner.step({"a": 1, "b": 1, "c": 1})
    assert tap.due(every=False) == Due(["c"], [2])


def test_a_session_that_goes_on_with_one_token_is_read(decoding):
    runner, tap = decoding
    runner.requests["b"] = request(6, 5, 0)  # its answer is a part of its prompt now
    runner.step({"a": 1, "b": 1}, new=["b"])
    assert tap.due(every=False) == Due(["b"], [1])


def test_a_prompt_evicted_before_its_first_token_is_read_again(decoding):
    runner, tap = decoding
    runner.requests["b"] = request(4, 3, 0)  # all but one of its tokens were found in the cache
    runner.step({"a": 1, "b": 1}, resumed=["b"])
    assert tap.due(every=False) == Due(["b"], [1])


def test_one_evicted_while_others_decode_is_read_when_its_prompt_is_done_again(decoding):
    runner, tap = decoding
    runner.step({"a": 1})
    assert tap.due(every=False) == Due([], [])
    runner.requests["b"] = request(4, 0, 2)
    runner.step({"a": 1, "b": 1}, resumed=["b"])  # a first piece of one token
    assert tap.due(every=False) == Due([], [])
    runner.requests["b"] = request(4, 1, 2)
    runner.step({"a": 1, "b": 5})
    assert tap.due(every=False) == Due(["b"], [5])
