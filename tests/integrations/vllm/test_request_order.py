"""The order of requests without an engine: what is predicted, learned, distrusted, and who is overtaken."""

import math
import random
import subprocess
import sys
import threading
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from beforehand.integrations.vllm import bounded
from beforehand.integrations.vllm.canary import kendall
from beforehand.integrations.vllm.queue import RankedRequestQueue
from beforehand.integrations.vllm.request_order import RequestOrder
from beforehand.integrations.vllm.settings import Settings
from beforehand.scheduling import FCFS, SPJF, SPRPT, Boosted, ShortestWork

pytestmark = pytest.mark.vllm

NAMES = map(str, count())


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def request(tokens=50, prompt=20, limit=400, output=0, **hints):
    extra = {f"bh_{name}": value for name, value in hints.items()}
    made = SimpleNamespace(
        request_id=next(NAMES), sampling_params=SimpleNamespace(extra_args=extra), max_tokens=limit,
        prompt_token_ids=list(range(3, 3 + prompt)), num_prompt_tokens=prompt, num_computed_tokens=0, length=tokens,
        output_token_ids=[], is_prefill_chunk=False, resumable=False,
    )  # fmt: skip
    progress(made, output)
    return made


def progress(request, output):
    request.num_output_tokens = output
    request.num_tokens = request.num_prompt_tokens + output
    request.output_token_ids = [7] * output


def made_order(policy, cached=lambda request: 0, **settings):
    clock = Clock()
    order = RequestOrder(
        Settings(policy=policy, **settings), max_model_len=512, max_batched_tokens=256, clock=clock, cached=cached
    )
    return order, RankedRequestQueue(order), clock


def serve(order, queue, every=1):
    """Take the first request, run it to its end, and return it."""
    order.begin_step(queue, [])
    first = queue.pop_request()
    assert first is not None
    order.end_step({first.request_id: 1}, {first.request_id: first})
    progress(first, first.length)
    order.updated()
    order.ended(first, aborted=False)
    return first


def test_kendall_counts_the_pairs_in_the_same_order():
    draw = np.random.default_rng(1)
    one, other = draw.integers(0, 9, 40), draw.integers(0, 9, 40)
    pairs = [(i, j) for i in range(40) for j in range(i)]
    agree = sum(int(np.sign((one[i] - one[j]) * (other[i] - other[j]))) for i, j in pairs)
    untied = [sum(each[i] != each[j] for i, j in pairs) for each in (one, other)]
    assert kendall(one, other) == pytest.approx(agree / math.sqrt(untied[0] * untied[1]))
    assert math.isnan(kendall([1, 1], [1, 2]))


def test_a_prediction_is_capped_by_the_room_that_the_model_leaves_the_answer():
    order, queue, _ = made_order(SPJF(), trust_hints=True)
    long = request(prompt=500, limit=4000, predicted_tokens=300)
    queue.add_request(long)
    assert order.tracked[long.request_id].view.predicted == 12
    assert order.tracked[long.request_id].view.max_tokens == 12


def test_without_a_prediction_the_mean_of_finished_answers_is_one():
    order, queue, _ = made_order(SPJF())
    queue.add_request(request(tokens=40))
    assert order.tracked[queue.peek_request().request_id].view.predicted == 256
    serve(order, queue)
    queue.add_request(request(tokens=60))
    assert order.tracked[queue.peek_request().request_id].view.predicted == 40


@pytest.mark.parametrize("answer", [math.nan, -5.0, math.inf, "soon", ZeroDivisionError, None])
def test_a_predictor_that_fails_costs_no_answer_and_is_soon_asked_no_more(answer):
    class Bad:
        asked = 0

        def predict(self, features):
            Bad.asked += 1
            if isinstance(answer, type):
                raise answer
            return np.array([answer]) if not isinstance(answer, str) else answer

    order, queue, _ = made_order(Boosted(SPJF(), boost=30.0, knee=100.0), lengths=Bad())
    for _ in range(8):
        queue.add_request(request())
    assert len(queue) == 8
    assert order.failure is None
    assert {each.view.predicted for each in order.tracked.values()} == {256}
    assert order.forecasts.failures == 3
    assert Bad.asked == 3


def test_a_predictor_that_hangs_is_given_up_after_three_answers_that_did_not_come():
    never = threading.Event()

    class Hangs:
        def predict(self, features):
            never.wait()

    order, queue, _ = made_order(SPJF(), lengths=Hangs())
    for _ in range(5):
        queue.add_request(request())
    assert {each.view.predicted for each in order.tracked.values()} == {256}
    assert order.forecasts.failures == 3
    never.set()


def test_a_process_ends_although_a_predictor_hangs():
    """A thread of a pool would be waited for."""
    code = (
        "import threading\n"
        "from beforehand.integrations.vllm.bounded import BoundedPredictor\n"
        "class Hangs:\n"
        "    predict = lambda self, features: threading.Event().wait()\n"
        "bounded = BoundedPredictor(Hangs())\n"
        "print([bounded.ask({}) for _ in range(4)])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "[nan, nan, nan, nan]\n"
    assert "failed 3 times in a row" in ended.stderr


def test_a_predictor_that_answers_is_asked_for_every_request(monkeypatch):
    monkeypatch.setattr(bounded, "PATIENCE", 60.0)  # so that no other work on this machine makes it late

    class Half:
        def predict(self, features):
            return features["prompt_tokens"] / 2

    order, queue, _ = made_order(SPJF(), lengths=Half())
    for prompt in (60, 20, 40):
        queue.add_request(request(prompt=prompt))
    assert [each.num_prompt_tokens for each in queue] == [20, 40, 60]
    assert order.forecasts.failures == 0


def test_a_tenant_that_lies_by_a_tenth_gains_nothing_after_200_answers():
    order, queue, _ = made_order(SPJF(), trust_hints=True)
    for _ in range(200):
        queue.add_request(request(tokens=100, predicted_tokens=10, tenant="liar"))
        serve(order, queue)
    liar = request(tokens=100, predicted_tokens=10, tenant="liar")
    honest = request(tokens=50, predicted_tokens=50, tenant="honest")
    queue.add_request(liar)
    queue.add_request(honest)
    assert queue.peek_request() is honest


@pytest.mark.parametrize("inner", [SPJF(), ShortestWork()])
def test_inverted_predictions_are_left_out_within_256_answers_and_taken_in_again_once_repaired(inner):
    order, queue, clock = made_order(Boosted(inner, boost=1e9, knee=100.0), trust_hints=True)
    draw = random.Random(1)

    def finish(answers, invert):
        for _ in range(answers):
            clock.now += 1
            tokens = draw.randint(1, 300)
            queue.add_request(request(tokens=tokens, predicted_tokens=301 - tokens if invert else tokens))
            serve(order, queue)

    finish(256, invert=False)
    assert order.forecasts.canary.trusted
    finish(256, invert=True)
    assert not order.forecasts.canary.trusted
    blind = order.live.policy
    assert str(blind) in ("FCFS()", "FCFS", str(Boosted(ShortestWork(decode=0), boost=1e9, knee=100.0)))
    first, second = request(tokens=9, predicted_tokens=300), request(tokens=9, predicted_tokens=1)
    for each in (first, second):
        queue.add_request(each)
    assert queue.peek_request() is first
    serve(order, queue)
    serve(order, queue)
    finish(300, invert=False)
    assert order.forecasts.canary.trusted
    assert order.live.policy == Boosted(inner, boost=1e9, knee=100.0)


def test_the_canary_says_nothing_where_nobody_predicts():
    order, queue, _ = made_order(SPJF())
    for tokens in range(1, 300):
        queue.add_request(request(tokens=tokens))
        serve(order, queue)
    assert order.forecasts.canary.trusted
    assert math.isnan(order.forecasts.canary.tau)


def test_an_automatic_knee_is_the_mean_of_the_first_64_ranks():
    order, queue, _ = made_order(Boosted(SPJF()), trust_hints=True)
    for tokens in range(1, 64):
        queue.add_request(request(predicted_tokens=tokens))
    assert order.live.policy.knee == math.inf
    queue.add_request(request(predicted_tokens=64))
    assert order.live.policy == Boosted(SPJF(), boost=30.0, knee=32.5)
    order.begin_step(queue, [])
    assert [order.tracked[each.request_id].view.predicted for each in queue] == list(range(1, 65))


def test_who_has_waited_for_too_long_is_taken_first():
    order, queue, clock = made_order(SPJF(), trust_hints=True, max_wait=10.0)
    patient = request(predicted_tokens=300)
    queue.add_request(patient)
    for step in range(12):
        clock.now += 1
        queue.add_request(request(predicted_tokens=1))
        served = serve(order, queue)
        assert (served is patient) == (step == 10)


@pytest.mark.parametrize("max_wait", [math.inf, 1e6])
def test_requests_that_are_done_are_not_kept_behind_one_that_waits(max_wait):
    order, queue, _ = made_order(SPJF(), trust_hints=True, max_wait=max_wait)
    queue.add_request(request(predicted_tokens=300))
    for _ in range(5000):
        queue.add_request(skipped := request(predicted_tokens=10))
        queue.prepend_requests([queue.pop_request()])  # as vLLM does in each step with what cannot run yet
        assert serve(order, queue) is skipped
    assert len(order.overtaking) < 2000
    assert len(order.tracked) == 1


def test_a_conversation_keeps_its_place_and_other_tenants_cannot_take_it():
    order, queue, clock = made_order(FCFS())
    queue.add_request(request(conversation="c", tenant="t"))
    serve(order, queue)
    clock.now += 5
    other = request(conversation="c", tenant="thief")
    queue.add_request(other)
    clock.now += 5
    again = request(conversation="c", tenant="t")
    queue.add_request(again)
    assert queue.peek_request() is again
    assert order.tracked[again.request_id].view.arrival == 100
    serve(order, queue)
    serve(order, queue)
    clock.now += 4000  # longer than a conversation is remembered
    late = request(conversation="c", tenant="t")
    queue.add_request(late)
    assert order.tracked[late.request_id].view.arrival == clock.now


def test_a_clock_that_goes_back_loses_nobody():
    order, queue, clock = made_order(Boosted(ShortestWork()), max_wait=1.0)
    for step in range(100):
        clock.now += -50 if step % 10 == 0 else 3
        queue.add_request(request(conversation=f"c{step % 7}"))
        if step % 2:
            serve(order, queue)
    while queue:
        serve(order, queue)
    assert not order.tracked
    assert order.failure is None


@pytest.mark.parametrize("knee", [3.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_stream_overtakes_a_request_by_more_than_the_bound(knee, seed):
    policy = Boosted(SPJF(), boost=5.0, knee=knee)
    order, queue, clock = made_order(policy, trust_hints=True)
    draw = random.Random(seed)
    victim = request(predicted_tokens=400)
    queue.add_request(victim)
    for _ in range(3000):  # a flood of the shortest, each of which would go first without the guard
        clock.now += draw.expovariate(10.0)
        queue.add_request(request(tokens=1, predicted_tokens=draw.choice([1, 1, 1, 5, 400])))
        if draw.random() < 0.9:
            serve(order, queue)
    while queue:
        clock.now += 1
        serve(order, queue)
    assert 0 < order.overtaking.most <= policy.bound(1.0)


def test_cached_prompts_are_looked_up_again_before_they_are_admitted():
    held = {}
    order, queue, clock = made_order(
        Boosted(ShortestWork(decode=0), boost=30.0, knee=1.0), cached=lambda each: held.get(each.request_id, 0)
    )
    first, second = request(prompt=100), request(prompt=120)
    queue.add_request(first)
    queue.add_request(second)
    held[first.request_id] = 64
    held[second.request_id] = 96
    order.begin_step(queue, [])
    assert order.tracked[first.request_id].view.cached == 64
    clock.now += 1
    queue.remove_request(first)
    order.begin_step(queue, [])
    assert order.tracked[second.request_id].view.cached == 96


def test_a_tool_is_expected_as_it_was_called_before():
    order, queue, clock = made_order(SPJF(), tool_tokens=frozenset([7]))
    order.tools.tokens = frozenset([7])
    for turn in range(12):
        asked = request(tokens=10, prompt=20, conversation=f"c{turn}", tools="search")
        queue.add_request(asked)
        serve(order, queue)
        clock.now += 3
        queue.add_request(request(tokens=4, prompt=20 + 10 + 15, conversation=f"c{turn}"))
        serve(order, queue)
    queue.add_request(request(tools="search"))
    tool = order.tracked[queue.peek_request().request_id].view.tool
    assert (tool.name, tool.seconds, tool.return_tokens, tool.after_tokens) == ("search", 3.0, 15.0, 4.0)
    assert tool.probability == pytest.approx(13 / 14)


def test_all_who_will_be_evicted_stand_last_by_rank_and_before_them_prompts_behind_answers():
    order, queue, _ = made_order(SPJF(), trust_hints=True)
    running = [request(predicted_tokens=tokens) for tokens in (30, 10, 50, 20, 40)]
    for each in running:
        queue.add_request(each)
    running[1].is_prefill_chunk = True
    first, prompt, longest, second, long = running
    assert order.arrange(running, lambda ranked: 2) == 2
    assert running == [second, first, prompt, long, longest]


def test_a_bound_on_those_that_run_is_no_more_than_some_steps_old_though_nobody_waited_in_them():
    policy = SPRPT()
    order, queue, _ = made_order(policy, trust_hints=True)
    runs, waits = request(predicted_tokens=40), request(predicted_tokens=30)
    for each in (runs, waits):
        queue.add_request(each)
    for _ in range(2):
        order.bound.looked(policy, [order.view(runs)])
    assert order.bound.excludes(policy, order.view(waits))
    queue.remove_requests([runs, waits])
    for _ in range(9):
        order.begin_step(queue, [runs])
    assert not order.bound.excludes(policy, order.view(waits))
