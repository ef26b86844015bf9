import asyncio
import math
import pickle

import numpy as np
import pytest

from beforehand.core import Price
from beforehand.core.errors import Closed, InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    PredictionQueue,
    QueueFull,
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


def test_join_waits_for_every_job_and_counts_cancelled_ones():
    async def main():
        queue = sizes()
        await queue.join()
        _, cancelled, _ = put(queue, 1, 2, 3)
        joined = asyncio.create_task(queue.join())
        queue.cancel(cancelled)
        first, second = queue.get_nowait(), queue.get_nowait()
        queue.done(first)
        await settle()
        assert not joined.done()
        queue.done(second)
        await joined

    asyncio.run(main())


def test_a_queue_that_was_shut_down_takes_nothing_drains_and_then_says_so():
    async def main():
        queue = sizes()
        put(queue, 2, 1)
        queue.shutdown()
        for attempt in (queue.put(3, 3), asyncio.to_thread(lambda: None)):
            if asyncio.iscoroutine(attempt) and attempt.__name__ == "put":
                with pytest.raises(QueueShutDown, match="takes no more"):
                    await attempt
            else:
                await attempt
        with pytest.raises(QueueShutDown):
            queue.put_nowait(3, 3)
        assert [(await queue.get()).job, queue.get_nowait().job] == [1, 2]
        with pytest.raises(QueueShutDown, match="no job waits"):
            await queue.get()
        with pytest.raises(QueueShutDown):
            queue.get_nowait()

    asyncio.run(main())


def test_a_shutdown_ends_the_waiting_of_getters_and_putters():
    async def main():
        queue = sizes(maxsize=1)
        getters = [asyncio.create_task(queue.get()) for _ in range(2)]
        await settle()
        queue.shutdown()
        for getter in getters:
            with pytest.raises(QueueShutDown):
                await getter
        full = sizes(maxsize=1)
        put(full, 1)
        putters = [asyncio.create_task(full.put(job, job)) for job in (2, 3)]
        await settle()
        full.shutdown()
        for putter in putters:
            with pytest.raises(QueueShutDown):
                await putter
        assert drain(full) == [1]

    asyncio.run(main())


def test_a_running_job_may_be_handed_back_after_a_shutdown():
    queue = PredictionQueue(SPRPT(), expensive=float)
    put(queue, 2)
    ticket = queue.get_nowait()
    queue.shutdown()
    queue.requeue(ticket, 1.0)
    assert queue.get_nowait() is ticket


def test_an_immediate_shutdown_cancels_what_waits_and_ends_join():
    async def main():
        queue = sizes()
        tickets = put(queue, 3, 1, 2)
        running = queue.get_nowait()
        joined = asyncio.create_task(queue.join())
        await settle()
        queue.shutdown(immediate=True)
        assert [ticket.state for ticket in tickets] == ["cancelled", "running", "cancelled"]
        with pytest.raises(QueueShutDown, match="no job waits"):
            await queue.get()
        assert not joined.done()
        queue.done(running)
        await joined

    asyncio.run(main())


def test_the_earlier_name_of_shutdown_and_what_earlier_code_catches_still_work():
    queue = sizes()
    with pytest.warns(FutureWarning, match=r"PredictionQueue\.close is now called shutdown"):
        queue.close()
    with pytest.raises(Closed):
        put(queue, 1)


def test_a_shutdown_is_caught_as_asyncio_calls_it_from_python_3_13_on():
    queue, caught = sizes(), getattr(asyncio, "QueueShutDown", Closed)
    queue.shutdown()
    with pytest.raises(caught):
        put(queue, 1)
    assert issubclass(QueueShutDown, Closed)


def test_a_queue_says_whether_it_is_empty_or_full_as_asyncio_does():
    queue, endless = sizes(maxsize=2), sizes()
    assert (queue.maxsize, queue.empty(), queue.full()) == (2, True, False)
    put(queue, 1, 2)
    assert (queue.qsize(), queue.empty(), queue.full()) == (2, False, True)
    queue.get_nowait()
    assert not queue.full()
    put(endless, 1)
    assert (endless.maxsize, endless.full()) == (0, False)


def test_a_queue_has_what_asyncio_has_and_is_true_even_if_it_is_empty():
    known = {name for name in dir(asyncio.Queue) if not name.startswith("_")}
    assert known <= set(dir(PredictionQueue))
    assert bool(sizes()) == bool(asyncio.Queue()) is True


def test_code_for_an_asyncio_queue_runs_on_this_one():
    async def main(queue, unwrap):
        done = []

        async def work():
            while True:
                try:
                    item = await queue.get()
                except QueueShutDown:
                    return
                done.append(unwrap(item))
                queue.task_done()

        workers = [asyncio.create_task(work()) for _ in range(2)]
        for job in (3, 1, 2):
            await queue.put(job)
        await queue.join()
        queue.shutdown()
        await asyncio.gather(*workers)
        return done

    assert asyncio.run(main(sizes(maxsize=2), lambda ticket: ticket.job)) in ([1, 3, 2], [1, 2, 3])


def test_task_done_counts_a_running_job_and_no_more_than_there_are():
    queue = sizes()
    with pytest.raises(ValueError, match="no job runs"):
        queue.task_done()
    put(queue, 1, 2)
    with pytest.raises(InvalidInput, match="no job runs"):
        queue.task_done()
    ticket = queue.get_nowait()
    queue.task_done()
    for report in (queue.done, lambda each: queue.requeue(each, 1.0), lambda each: queue.should_yield(each, 1.0)):
        with pytest.raises(InvalidInput, match="was reported by task_done"):
            report(ticket)
    with pytest.raises(InvalidInput, match="no job runs"):
        queue.task_done()
    queue.done(queue.get_nowait())
    with pytest.raises(InvalidInput, match="no job runs"):
        queue.task_done()


@pytest.mark.parametrize("reported", ["done", "task_done"])
def test_an_immediate_shutdown_leaves_join_to_the_running_jobs(reported):
    async def main():
        queue = sizes()
        put(queue, 1, 2, 3)
        ticket = queue.get_nowait()
        queue.shutdown(immediate=True)
        joined = asyncio.create_task(queue.join())
        await settle()
        assert not joined.done()
        queue.done(ticket) if reported == "done" else queue.task_done()
        await joined

    asyncio.run(main())


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


def test_a_ticket_is_done_once_and_only_while_it_runs():
    queue = sizes()
    (ticket,) = put(queue, 1)
    with pytest.raises(InvalidInput, match="Ticket\\(1, waiting\\) must be running"):
        queue.done(ticket)
    queue.done(queue.get_nowait())
    with pytest.raises(InvalidInput, match="Ticket\\(1, done\\) must be running"):
        queue.done(ticket)
    with pytest.raises(InvalidInput, match="must be waiting or running"):
        queue.update(ticket, predicted=1.0)
    assert queue.cancel(ticket) is False


def test_a_ticket_of_another_queue_is_refused():
    one, other = sizes(), sizes()
    (ticket,) = put(other, 1)
    for use in (one.done, one.cancel, one.update, lambda each: one.requeue(each, 1.0), one.done):
        with pytest.raises(InvalidInput, match="must be of this queue"):
            use(ticket)
    with pytest.raises(InvalidInput, match="ticket is 3, but"):
        one.cancel(3)


@pytest.mark.parametrize("bad", [math.nan, -1.0, 1e101, "1", True])
def test_bad_predictions_from_outside_are_refused_and_change_nothing(bad):
    queue = sizes()
    (ticket,) = put(queue, 1)
    for name in ("cheap", "predicted"):
        with pytest.raises(InvalidInput, match=name):
            queue.update(ticket, **{name: bad})
    with pytest.raises(InvalidInput, match="predicted"):
        queue.update(ticket, cheap=3.0, predicted=bad)
    assert ticket.view.predicted == 1.0
    assert math.isnan(ticket.view.cheap)


@pytest.mark.parametrize("size", [0.0, math.nan, math.inf, -1.0])
def test_a_size_that_is_none_is_refused_and_the_job_still_runs(size):
    queue = sizes()
    put(queue, 1)
    ticket = queue.get_nowait()
    with pytest.raises(InvalidInput, match="size is"):
        queue.done(ticket, size=size)
    queue.done(ticket, size=1.0)


def test_service_never_falls_and_only_a_running_job_can_be_handed_back():
    queue = sizes()
    (ticket,) = put(queue, 1)
    with pytest.raises(InvalidInput, match="must be running"):
        queue.requeue(ticket, 1.0)
    with pytest.raises(InvalidInput, match="must be running"):
        queue.should_yield(ticket, 1.0)
    queue.get_nowait()
    assert queue.should_yield(ticket, 2.0) is False
    with pytest.raises(InvalidInput, match=r"served is 1\.0, but must be at least 2"):
        queue.requeue(ticket, 1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policy": SPJF}, "policy is <class"),
        ({"policy": "spjf"}, "policy is 'spjf'"),
        ({"policy": SPJF()}, "expensive is None, but SPJF"),
        ({"policy": SPJF(by="cheap"), "expensive": float}, "cheap is None"),
        ({"policy": SkipPredict(1.0), "cheap": float}, "expensive is None, but SkipPredict"),
        ({"policy": DelayPredict(1.0)}, "expensive is None, but DelayPredict"),
        ({"policy": SPRPT(work=0.1), "expensive": float}, "leave the works 0"),
        ({"policy": SkipPredict(1.0, cheap_work=0.1), "cheap": float, "expensive": float}, "leave the works 0"),
        ({"policy": DelayPredict(1.0, expensive_work=0.1), "expensive": float}, "leave the works 0"),
        ({"policy": LAS(quantum=0.0)}, "quantum is 0"),
        ({"policy": SPJF(), "expensive": 3.0}, "expensive is 3.0, but must be a Predictor"),
        ({"policy": FCFS(), "max_wait": -1.0}, "max_wait is -1.0"),
        ({"policy": FCFS(), "max_wait": math.nan}, "max_wait is nan"),
        ({"policy": FCFS(), "ageing": -1.0}, "ageing is -1.0"),
        ({"policy": FCFS(), "ageing": math.inf}, "ageing is inf"),
        ({"policy": FCFS(), "maxsize": -1}, "maxsize is -1"),
        ({"policy": FCFS(), "maxsize": True}, "maxsize is True"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        PredictionQueue(options.pop("policy"), **options)


def test_a_policy_that_ranks_nan_is_refused_when_it_does():
    class Broken:
        rank = staticmethod(lambda view: math.nan)
        review_age = asks = stages = staticmethod(lambda view=None: None)

    with pytest.raises(InvalidInput, match="ranked a job nan, but ranks must be numbers"):
        PredictionQueue(Broken()).put_nowait("job")


def test_errors_survive_a_journey_to_another_process():
    for error in (QueueShutDown("shut down"), QueueFull("full")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_job_that_the_recorder_refused_is_counted_once_when_it_is_reported_again():
    class Full:
        room = False

        def append(self, row):
            if not self.room:
                raise OSError("no space left")

    rows = Full()
    queue = PredictionQueue(FCFS(), recorder=rows)
    queue.put_nowait("job")
    ticket = queue.get_nowait()
    with pytest.raises(OSError, match="no space"):
        queue.done(ticket, size=1.0)
    assert ticket.state == "running"
    assert queue.health().jobs == 0
    rows.room = True
    queue.done(ticket, size=1.0)
    assert queue.health().jobs == 1


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
