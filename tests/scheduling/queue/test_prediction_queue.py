import asyncio
import math

import numpy as np
import pytest

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    LAS,
    SPJF,
    TRAIL,
    DelayPredict,
    PredictionQueue,
    QueueShutDown,
    SkipPredict,
    Ticket,
)
from tests.scheduling.queue_steps import Clock, drain, put, settle, sizes


def test_the_shortest_predicted_job_comes_first_and_ties_keep_arrival_order():
    queue = PredictionQueue(SPJF(), expensive=lambda job: job[0])
    put(queue, (2, "a"), (1, "b"), (2, "c"), (1, "d"))
    assert drain(queue) == [(1, "b"), (1, "d"), (2, "a"), (2, "c")]


def test_skippredict_asks_the_expensive_predictor_only_about_jobs_that_the_cheap_one_calls_long():
    asked = []
    queue = PredictionQueue(
        SkipPredict(2.0, preemptive=False),
        cheap=lambda job: job[0],
        expensive=lambda job: asked.append(job) or job[1],
    )
    put(queue, (3, 9), (1, 9), (2, 4), (0, 9))
    assert asked == [(3, 9), (2, 4)]
    assert drain(queue) == [(1, 9), (0, 9), (2, 4), (3, 9)]


def test_a_predictor_object_is_asked_about_one_row_of_features():
    class Doubling:
        price = Price()

        def predict(self, features):
            assert features.shape == (1, 2)
            return 2 * features[:, 1]

    queue = PredictionQueue(SPJF(), expensive=Doubling())
    ticket = queue.put_nowait("job", [7.0, 3.0])
    assert ticket.view.predicted == 6.0


def test_ageing_lets_a_long_job_pass_short_ones_that_came_much_later():
    clock = Clock()
    queue = sizes(ageing=0.5, clock=clock)
    put(queue, 10)
    clock.now = 15.0
    put(queue, 2)
    clock.now = 17.0
    put(queue, 2)
    assert drain(queue) == [2, 10, 2]  # 10 against 2 + 7.5 and 2 + 8.5


def test_an_update_moves_a_waiting_job_and_one_of_a_running_job_is_only_noted():
    queue = sizes()
    first, second, third = put(queue, 1, 2, 3)
    queue.update(third, predicted=0.5)
    assert queue.get_nowait() is third
    queue.update(third, predicted=8)
    assert third.view.predicted == 8.0
    assert [queue.get_nowait(), queue.get_nowait()] == [first, second]


def test_delaypredict_asks_when_a_job_that_passed_the_limit_is_handed_back():
    asked = []
    queue = PredictionQueue(DelayPredict(1.0), expensive=lambda job: asked.append(job) or float(job))
    long, short = put(queue, 9, 2)
    assert queue.get_nowait() is long
    assert not queue.should_yield(long, 0.5)
    assert asked == []
    assert queue.should_yield(long, 1.0)
    queue.requeue(long, 1.0)
    assert asked == [9]
    assert queue.get_nowait() is short
    assert not queue.should_yield(short, 0.5)
    queue.requeue(short, 1.0)
    assert drain(queue) == [2, 9]


def test_a_job_that_is_pinned_does_not_yield():
    queue = PredictionQueue(TRAIL(0.5), expensive=float)
    put(queue, 8)
    running = queue.get_nowait()
    put(queue, 1)
    assert queue.should_yield(running, 3.0)
    assert not queue.should_yield(running, 4.0)


def test_whether_to_yield_is_judged_by_the_prediction_that_is_due_by_then():
    queue = PredictionQueue(DelayPredict(1.0), expensive=float)
    for size in (2.0, 9.0):
        queue.put_nowait(size, size)
    running = queue.get_nowait()
    other = queue.get_nowait()
    queue.requeue(other, 1.0)
    assert not queue.should_yield(running, 1.0)  # 2 is less than 9, and both are known by now
    queue.requeue(running, 1.0)
    assert queue.get_nowait() is running


def test_an_answer_that_comes_while_its_job_runs_ranks_it_when_it_is_handed_back():
    async def slow(size):
        await asyncio.sleep(0)
        return size

    async def main():
        queue = PredictionQueue(DelayPredict(1.0), expensive=slow)
        first, second = [queue.put_nowait(size, size) for size in (2.0, 9.0)]
        assert [await queue.get(), await queue.get()] == [first, second]
        queue.requeue(second, 1.0)
        assert not queue.should_yield(first, 1.0)  # asked for, but not there: both are unknown
        assert math.isnan(first.view.predicted)
        await asyncio.sleep(0.01)
        assert (first.view.predicted, first.state) == (2.0, "running")
        assert not queue.should_yield(first, 1.5)
        queue.requeue(first, 1.5)
        assert queue.get_nowait() is first
        queue.done(first)

    asyncio.run(main())


def test_least_attained_service_shares_the_worker_in_turns():
    queue, order = PredictionQueue(LAS(quantum=1.0)), []
    left = {"a": 2, "b": 1, "c": 3}
    put(queue, *left)
    while len(queue):
        ticket = queue.get_nowait()
        order.append(ticket.job)
        left[ticket.job] -= 1
        if left[ticket.job]:
            queue.requeue(ticket, ticket.view.age + 1)
        else:
            queue.done(ticket)
    assert order == ["a", "b", "c", "a", "c", "c"]


def test_the_guard_counts_waiting_from_the_arrival_also_for_a_job_that_was_handed_back():
    clock = Clock()
    queue = PredictionQueue(LAS(quantum=1.0), max_wait=5.0, clock=clock)
    put(queue, "old")
    old = queue.get_nowait()
    clock.now = 3.0
    put(queue, "new")
    assert queue.should_yield(old, 1.0)
    clock.now = 5.0
    assert not queue.should_yield(old, 2.0)
    queue.requeue(old, 2.0)
    assert queue.get_nowait() is old
    assert queue.stats.guarded == 1


def test_the_features_are_the_job_unless_others_are_given():
    asked = []
    queue = PredictionQueue(SPJF(), expensive=lambda features: asked.append(features) or float(len(features)))
    asyncio.run(queue.put("text"))
    queue.put_nowait("more text")
    queue.put_nowait("another", [1, 2])
    assert asked == ["text", "more text", [1, 2]]
    assert drain(queue) == ["another", "text", "more text"]


def test_a_job_whose_put_failed_does_not_come_back_when_its_predictor_answers():
    class Broken:
        review_age = stages = staticmethod(lambda view=None: None)
        asks = staticmethod(lambda view: "expensive" if math.isnan(view.predicted) else None)
        rank = staticmethod(lambda view: view.predicted)  # nan until it is known

    async def predict(job):
        await asyncio.sleep(0)
        return 1.0

    async def main():
        queue = PredictionQueue(Broken(), expensive=predict)
        with pytest.raises(InvalidInput, match="ranked a job nan"):
            queue.put_nowait("job")
        await settle()
        assert (len(queue), queue.stats.put) == (0, 0)
        await queue.join()

    asyncio.run(main())


def test_workers_and_producers_lose_and_double_no_job():
    async def main():
        rng = np.random.default_rng(0)
        queue, served = sizes(maxsize=3, max_wait=0.005), []

        async def produce(first):
            for job in range(first, first + 50):
                await queue.put(job, float(rng.random()))
                await asyncio.sleep(0)

        async def work():
            while True:
                try:
                    ticket = await asyncio.wait_for(queue.get(), float(rng.choice([0.0, 0.001, 1.0])))
                except TimeoutError:
                    continue
                except QueueShutDown:
                    return
                served.append(ticket.job)
                await asyncio.sleep(0)
                queue.done(ticket)

        workers = [asyncio.create_task(work()) for _ in range(3)]
        await asyncio.gather(*(produce(first) for first in (0, 50, 100, 150)))
        await queue.join()
        queue.shutdown()
        await asyncio.gather(*workers)
        return served

    assert sorted(asyncio.run(main())) == list(range(200))


def test_a_recorder_gets_a_row_for_each_finished_job_of_known_size():
    clock, rows = Clock(), []
    queue = PredictionQueue(SkipPredict(2.0), cheap=float, expensive=float, clock=clock, recorder=rows)
    put(queue, 1, 4)
    clock.now = 3.0
    queue.done(queue.get_nowait(), size=1.5)
    queue.done(queue.get_nowait())
    (row,) = rows
    assert math.isnan(row.pop("expensive"))
    assert row == {"arrival": 0.0, "size": 1.5, "cheap": 1.0, "wait": 3.0}


def test_tickets_and_queues_show_where_they_stand():
    queue = sizes()
    (ticket,) = put(queue, 1)
    assert isinstance(ticket, Ticket)
    assert math.isnan(ticket.waited)
    assert repr(queue) == "PredictionQueue(SPJF, 1 waiting)"
    assert repr(queue.get_nowait()) == "Ticket(1, running)"
