"""Our order inside a real engine: who is served first changes, and not a single token."""

import random

import pytest
from vllm.v1.core.sched.scheduler import Scheduler as Stock

from beforehand.integrations.vllm import Scheduler
from tests.integrations.gateway.plans import plan
from tests.integrations.vllm.engines import add, free_blocks, new_scheduler, run, scheduler_of

pytestmark = pytest.mark.vllm

LENGTHS = [40, 5, 25, 60, 10, 30, 8, 50, 3, 20]
EAGER = {"policy": "sprpt", "trust_hints": True, "margin": 0, "max_preemptions": "inf"}


@pytest.fixture(scope="module")
def stock(llm):
    """The tokens of vLLM's own scheduler, with nobody preempted."""
    new_scheduler(llm, Stock)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    return run(llm)


@pytest.fixture
def ours(llm):
    """Gives the engine our scheduler with settings and limits, and looks behind it: nothing may be left."""

    def start(settings, **limits):
        scheduler = new_scheduler(llm, Scheduler, settings=settings, **limits)
        assert scheduler.order is not None
        return llm

    yield start
    scheduler = scheduler_of(llm)
    assert free_blocks(llm) == scheduler.kv_cache_manager.block_pool.num_gpu_blocks - 1
    assert not scheduler.requests
    assert scheduler.order is None or not scheduler.order.tracked


def shortest_first(lengths):
    return [str(number) for number in sorted(range(len(lengths)), key=lambda number: lengths[number])]


def test_shorter_answers_are_served_first(ours, stock):
    llm = ours({"policy": "spjf", "trust_hints": True}, max_num_seqs=1)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens, predicted_tokens=tokens)
    finished = run(llm)
    assert list(finished) == shortest_first(LENGTHS)
    assert finished == stock


def test_clients_are_not_believed_unless_the_settings_say_so(ours):
    llm = ours({"policy": "spjf"}, max_num_seqs=1)
    for number in range(5):
        add(llm, number, 12, predicted_tokens=12 - number)
    assert list(run(llm)) == ["0", "1", "2", "3", "4"]


def test_a_long_answer_gives_its_slot_to_a_shorter_one_and_loses_nothing(ours, stock):
    llm = ours(EAGER, max_num_seqs=1)
    arrivals = sorted(range(10), key=lambda number: -LENGTHS[number])

    def arrive(step):
        if step % 4 == 0 and arrivals:
            number = arrivals.pop(0)
            add(llm, number, LENGTHS[number], predicted_tokens=LENGTHS[number])

    arrive(0)
    finished = run(llm, lambda step: arrive(step + 4))
    assert finished == stock
    assert scheduler_of(llm).order.forced_preemptions > 3


def test_nobody_gives_way_more_often_than_the_settings_allow(ours, stock):
    llm = ours(EAGER | {"max_preemptions": 1}, max_num_seqs=2)
    most = {}

    def look(step):
        if step < 40 and step % 4 == 0:
            number = step // 4
            add(llm, number, LENGTHS[number], predicted_tokens=LENGTHS[number])
        most.update((each.request_id, each.num_preemptions) for each in scheduler_of(llm).requests.values())

    look(0)
    assert run(llm, lambda step: look(step + 4)) == stock
    assert max(most.values()) == 1


def test_where_memory_runs_out_the_longest_is_evicted_and_finishes_as_before(ours, stock):
    llm = ours(EAGER | {"max_preemptions": 0}, max_num_seqs=8, blocks=8)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens, predicted_tokens=tokens)
    evicted = set()

    def look(step):
        for each in scheduler_of(llm).requests.values():
            if each.num_preemptions:
                evicted.add(int(each.request_id.split("-")[0]))  # vLLM adds a suffix

    assert run(llm, look) == stock
    assert evicted
    assert min(LENGTHS[number] for number in evicted) >= 25


def test_no_more_run_than_the_setting_cap_allows(ours, stock):
    llm = ours({"policy": "spjf", "trust_hints": True, "cap": 2}, max_num_seqs=8)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens, predicted_tokens=tokens)
    most = []
    assert run(llm, lambda step: most.append(len(scheduler_of(llm).running))) == stock
    assert max(most) == 2


@pytest.mark.parametrize("named", ["setting", "variable"])
def test_a_plans_file_says_all_that_an_engine_needs(ours, stock, tmp_path, monkeypatch, named):
    made = plan()
    made.save(tmp_path / "plan.json")
    if named == "variable":
        monkeypatch.setenv("BEFOREHAND_PLAN", str(tmp_path / "plan.json"))
    llm = ours({"plan": str(tmp_path / "plan.json")} if named == "setting" else None, max_num_seqs=1)
    order = scheduler_of(llm).order
    assert order.settings.policy == made.build(tmp_path)["policy"]
    assert order.settings.profile == made.setting.profile
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    assert run(llm) == stock
    for number, prompt in enumerate((300, 20, 100)):  # the plan was made where answers were as long as prompts
        add(llm, number, 3, length=prompt)
    assert list(run(llm)) == ["1", "2", "0"]


def test_1000_requests_with_random_aborts_leave_nothing_behind(ours):
    llm = ours(EAGER | {"max_preemptions": 2}, max_num_seqs=16, blocks=40)
    draw = random.Random(5)
    left, alive, finished = 1000, [], 0
    while left or llm.llm_engine.has_unfinished_requests():
        for _ in range(min(left, draw.randrange(8))):
            tokens, name = draw.randint(1, 12), 1000 - left
            add(llm, name, tokens, length=draw.randint(1, 60), predicted_tokens=draw.randint(1, 40))
            alive.append(str(name))
            left -= 1
        if alive and draw.random() < 0.7:
            llm.llm_engine.abort_request([alive.pop(draw.randrange(len(alive)))])
        finished += sum(output.finished for output in llm.llm_engine.step())
    assert finished > 300
