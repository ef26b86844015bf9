"""vLLM's own scheduler in virtual time."""

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm.engine_shape import EngineShape
from beforehand.integrations.vllm.harness import run_scheduler

pytestmark = pytest.mark.vllm


class Steady:
    """A clock whose iterations take a second, however much they do."""

    def step_seconds(self, n, context=0, pairs=0):
        return 1.0


def trace(arrival, prompts, outputs, calls=None, **columns):
    children = {}
    if calls is not None:
        offsets = np.cumsum([0] + [len(row) for row in calls])
        flat = [call for row in calls for call in row]
        names = ("output_tokens", "seconds", "return_tokens")
        children["calls"] = (offsets, {name: [call[at] for call in flat] for at, name in enumerate(names)})
    columns = {"arrival": np.array(arrival, float), "prompt_tokens": prompts, "output_tokens": outputs, **columns}
    return Trace("requests", columns, children=children)


def test_the_last_chunk_of_a_prompt_samples_the_first_token():
    run = run_scheduler(trace([0, 0], [100, 10], [5, 1]), profile=Steady(), shape=EngineShape(max_batched_tokens=64))
    assert run.first_token.tolist() == [2, 2]
    assert run.finish.tolist() == [6, 2]
    assert [sum(step.tokens.values()) for step in run.steps] == [64, 46, 1, 1, 1, 1]


def test_fcfs_serves_in_the_order_of_arrival_and_priorities_do_not():
    requests = trace([0, 0, 0], [8, 8, 8], [4, 4, 4])
    one = {"max_num_seqs": 1}
    assert run_scheduler(requests, profile=Steady(), shape=EngineShape(**one)).finish.tolist() == [4, 8, 12]
    shape = EngineShape(policy="priority", **one)
    assert run_scheduler(requests, profile=Steady(), shape=shape, priorities=[2, 1, 0]).finish.tolist() == [12, 8, 4]


def test_what_runs_out_of_memory_is_preempted_and_finishes_with_nothing_left_behind():
    requests = trace([0, 0, 0], [32, 32, 32], [60, 60, 60])
    run = run_scheduler(requests, profile=Steady(), shape=EngineShape(kv_tokens=208))
    assert run.preemptions.sum() > 0
    assert np.isfinite(run.finish).all()
    assert run.free_blocks == (12, 12)
    assert run.left_behind == 0


@pytest.mark.parametrize("caching", [True, False])
def test_a_return_from_a_tool_computes_what_the_prefix_cache_has_not_kept(caching):
    requests = trace([0], [20], [3], calls=[[(11, 5.0, 10)]])  # 20 + 11 tokens, of which the last has no KV, then 10
    run = run_scheduler(requests, profile=Steady(), shape=EngineShape(prefix_caching=caching))
    resumed = next(step for step in run.steps if "0.1" in step.tokens)
    assert run.finish.tolist() == [11 + 5 + 3]
    assert resumed.tokens["0.1"] == (41 - 16 if caching else 41)


def test_prompts_share_only_the_prefix_that_the_trace_gives_them():
    shared = trace([0, 9], [100, 100], [1, 1], prefix_id=[3, 3], prefix_tokens=[50, 50])
    apart = trace([0, 9], [100, 100], [1, 1])
    assert run_scheduler(shared, profile=Steady()).new_tokens.tolist() == [100, 100 - 48]
    assert run_scheduler(apart, profile=Steady()).new_tokens.tolist() == [100, 100]


def test_a_trace_of_another_kind_is_refused():
    with pytest.raises(InvalidInput, match="'jobs'"):
        run_scheduler(Trace("jobs", {"size": [1.0]}), profile=Steady())
