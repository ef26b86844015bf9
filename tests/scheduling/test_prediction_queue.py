import asyncio
import math
import pickle
import warnings

import numpy as np
import pytest

from beforehand.core import Price
from beforehand.core.errors import CapacityExceeded, Closed, InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    OneBit,
    PredictionQueue,
    QueueFull,
    SkipPredict,
    Ticket,
)


class Clock:
    """Tells the time that the test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def sizes(**options):
    """A queue of jobs that are their own predictions."""
    return PredictionQueue(SPJF(), expensive=float, **options)


def put(queue, *jobs):
    return [queue.put_nowait(job, job) for job in jobs]


def drain(queue):
    return [queue.get_nowait().job for _ in range(len(queue))]


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


# Order


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


# The bound of waiting


def test_who_has_waited_for_max_wait_is_next_whatever_its_rank():
    clock = Clock()
    queue = sizes(max_wait=10.0, clock=clock)
    put(queue, 99)
    clock.now = 9.0
    put(queue, 1, 2)
    assert queue.get_nowait().job == 1
    clock.now = 10.0
    ticket = queue.get_nowait()
    assert (ticket.job, ticket.waited, queue.stats.guarded) == (99, 10.0, 1)
    assert queue.get_nowait().job == 2
    assert queue.stats.guarded == 1


def test_max_wait_zero_is_first_come_first_served():
    queue = sizes(max_wait=0.0)
    put(queue, 3, 1, 2)
    assert drain(queue) == [3, 1, 2]


def consumed(queue, clock, arrivals, jobs, workers=1):
    """Every job's wait where `workers` run jobs to their end in virtual time: one dispatch for each instant."""
    waits, free, tickets, coming = {}, workers, {}, 0
    ends = []
    while coming < len(jobs) or ends:
        clock.now = min([*arrivals[coming : coming + 1], *ends])
        free += ends.count(clock.now)
        ends = [end for end in ends if end != clock.now]
        while coming < len(jobs) and arrivals[coming] == clock.now:
            tickets[coming] = queue.put_nowait(coming, jobs[coming])
            coming += 1
        while free and len(queue):
            ticket = queue.get_nowait()
            waits[ticket.job] = clock.now - arrivals[ticket.job]
            ends.append(clock.now + jobs[ticket.job][0])
            free -= 1
            queue.done(ticket)
    return np.array([waits[job] for job in range(len(jobs))])


def fcfs_waits(arrivals, jobs, workers):
    """Waits when nobody is overtaken, and the unfinished work that each job finds."""
    ready, waits, work, last = [0.0] * workers, [], [], 0.0
    left = 0.0
    events = []  # (start, size) of jobs so far: what they have left at any time is a sum
    for arrival, (size, _) in zip(arrivals, jobs, strict=True):
        start = max(arrival, min(ready))
        left = sum(min(each_size, max(0.0, begin + each_size - arrival)) for begin, each_size in events)
        ready[ready.index(min(ready))] = start + size
        events.append((start, size))
        waits.append(start - arrival)
        work.append(left)
        last = arrival
    assert last >= 0
    return np.array(waits), np.array(work)


def random_trace(seed, count=300, gaps="random"):
    rng = np.random.default_rng(seed)
    size = np.round(rng.weibull(0.5, count) * 64 + 1) / 64
    gap = {
        "random": lambda: rng.exponential(size.mean() / 0.9, count),
        "bursts": lambda: np.where(rng.random(count) < 0.8, 0.0, rng.exponential(5 * size.mean(), count)),
        "flood": lambda: np.where(np.arange(count) < 5, 0.0, 0.9 / 64),
    }[gaps]()
    if gaps == "flood":  # a few long jobs, then short ones without end that all would overtake them
        size[5:], size[:5] = 1 / 64, 8.0
    predicted = size * np.exp(rng.normal(0, 1, count))
    return np.floor(64 * np.cumsum(gap)) / 64, [*zip(size.tolist(), predicted.tolist(), strict=True)]


@pytest.mark.parametrize("gaps", ["random", "bursts", "flood"])
@pytest.mark.parametrize("max_wait", [0.0, 1.0, 20.0])
def test_with_one_worker_no_job_waits_longer_than_max_wait_and_the_work_it_found_and_one_residual(gaps, max_wait):
    for seed in range(5):
        arrivals, jobs = random_trace(seed, gaps=gaps)
        clock = Clock()
        queue = PredictionQueue(SPJF(), expensive=lambda job: job[1], max_wait=max_wait, clock=clock)
        waits = consumed(queue, clock, arrivals.tolist(), jobs)
        found, _ = fcfs_waits(arrivals.tolist(), jobs, 1)
        starts = arrivals + waits
        size = np.array([job[0] for job in jobs])
        for job in range(len(jobs)):
            up = arrivals[job] + max_wait
            in_service = (starts < up) & (starts + size > up) & (np.arange(len(jobs)) > job)
            residual = (starts + size - up)[in_service].max(initial=0.0)
            assert waits[job] <= max_wait + found[job] + residual + 1e-9


@pytest.mark.parametrize("gaps", ["random", "bursts", "flood"])
def test_with_several_workers_no_job_waits_longer_than_max_wait_and_its_share_of_work_and_the_longest_job(gaps):
    for seed in range(5):
        arrivals, jobs = random_trace(seed, gaps=gaps)
        arrivals = np.floor(arrivals * 64 / 3) / 64
        clock = Clock()
        queue = PredictionQueue(SPJF(), expensive=lambda job: job[1], max_wait=2.0, clock=clock)
        waits = consumed(queue, clock, arrivals.tolist(), jobs, workers=3)
        longest = max(job[0] for job in jobs)
        begun = arrivals + waits
        for job in range(len(jobs)):
            found = sum(
                min(jobs[other][0], max(0.0, begun[other] + jobs[other][0] - arrivals[job])) for other in range(job)
            )
            assert waits[job] <= 2.0 + found / 3 + longest + 1e-9


def test_without_max_wait_a_flood_of_short_jobs_starves_a_long_one():
    arrivals, jobs = random_trace(0, gaps="flood")
    waits = []
    for max_wait in (None, 1.0):
        clock = Clock()
        queue = PredictionQueue(SPJF(), expensive=lambda job: job[0], max_wait=max_wait, clock=clock)
        waits.append(consumed(queue, clock, arrivals.tolist(), jobs))
    assert waits[0][4] > 2 * waits[1][4] or waits[0][:5].max() > waits[1][:5].max()


# The same order as a simulation


def completions(arrivals, jobs, key):
    """Completion times of a non-preemptive order on one server, by sorting what waits at each end."""
    now, waiting, done, coming = 0.0, [], {}, 0
    while len(done) < len(jobs):
        if not waiting and arrivals[coming] > now:
            now = arrivals[coming]
        while coming < len(jobs) and arrivals[coming] <= now:
            waiting.append(coming)
            coming += 1
        job = min(waiting, key=lambda each: (key(jobs[each]), each))
        waiting.remove(job)
        now += jobs[job][0]
        done[job] = now
    return np.array([done[job] for job in range(len(jobs))])


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        (FCFS(), lambda job: 0),
        (SPJF(), lambda job: job[1]),
        (OneBit(1.0, preemptive=False), lambda job: job[1] >= 1.0),
        (SkipPredict(1.0, preemptive=False), lambda job: -1.0 if job[1] < 1.0 else job[1]),
    ],
)
def test_one_worker_runs_jobs_in_the_order_of_the_policy(policy, key):
    for seed in range(5):
        arrivals, jobs = random_trace(seed, gaps="bursts" if seed % 2 else "random")
        clock = Clock()
        queue = PredictionQueue(policy, cheap=lambda job: job[1], expensive=lambda job: job[1], clock=clock)
        waits = consumed(queue, clock, arrivals.tolist(), jobs)
        ends = arrivals + waits + np.array([job[0] for job in jobs])
        np.testing.assert_array_equal(ends, completions(arrivals.tolist(), jobs, key))


# Waiting callers


def test_getters_are_served_in_the_order_in_which_they_came():
    async def main():
        queue, got = sizes(), []

        async def get(name):
            got.append((name, (await queue.get()).job))

        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(get(name))
                await settle()
            put(queue, 3, 1)
            with pytest.raises(asyncio.QueueEmpty):
                queue.get_nowait()  # both are promised
            group.create_task(get("late"))
            await settle()
            put(queue, 2, 4)
        return got

    assert asyncio.run(main()) == [("a", 1), ("b", 3), ("c", 2), ("late", 4)]


def test_a_getter_takes_the_best_job_there_is_when_it_runs():
    async def main():
        queue = sizes()
        getter = asyncio.create_task(queue.get())
        await settle()
        put(queue, 3, 1)
        return (await getter).job

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_getter_passes_its_job_on(woken):
    async def main():
        queue = sizes()
        first, second = (asyncio.create_task(queue.get()) for _ in range(2))
        await settle()
        if woken:
            put(queue, 5)
        first.cancel()
        if not woken:
            await settle()
            put(queue, 5)
        assert (await second).job == 5
        assert first.cancelled()
        assert len(queue) == 0

    asyncio.run(main())


def test_getters_whose_job_is_cancelled_keep_their_places():
    async def main():
        queue = sizes()
        getters = [asyncio.create_task(queue.get()) for _ in range(3)]
        await settle()
        for ticket in put(queue, 1, 2, 3)[:2]:
            assert queue.cancel(ticket)  # three are woken, one job is left
        await settle()
        put(queue, 4, 5)
        return [(await getter).job for getter in getters]

    assert asyncio.run(main()) == [3, 4, 5]


def test_timed_out_getters_leave_nothing_behind():
    async def main():
        queue = sizes()
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(queue.get(), 0)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(queue.get(), 0.001)
        assert queue._getters.waiting == []
        assert queue._getters.promised == 0
        put(queue, 1)
        assert queue.get_nowait().job == 1

    asyncio.run(main())


def test_a_full_queue_refuses_put_nowait_and_lets_put_wait_in_order():
    async def main():
        queue = sizes(maxsize=2)
        put(queue, 9, 8)
        with pytest.raises(QueueFull, match="2 jobs wait and maxsize is 2"):
            queue.put_nowait(7, 7)
        putters = [asyncio.create_task(queue.put(job, job)) for job in (5, 6)]
        await settle()
        assert len(queue) == 2
        assert (await queue.get()).job == 8
        with pytest.raises(QueueFull):
            queue.put_nowait(1, 1)  # the room is promised
        await settle()
        assert len(queue) == 2
        assert putters[0].done()
        assert not putters[1].done()
        assert (await queue.get()).job == 5
        assert (await putters[1]).job == 6
        return drain(queue)

    assert asyncio.run(main()) == [6, 9]


def test_queue_full_is_what_asyncio_and_this_library_call_it():
    assert issubclass(QueueFull, CapacityExceeded)
    assert issubclass(QueueFull, asyncio.QueueFull)


@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_putter_passes_its_room_on_and_puts_nothing(woken):
    async def main():
        queue = sizes(maxsize=1)
        put(queue, 9)
        first, second = (asyncio.create_task(queue.put(job, job)) for job in (1, 2))
        await settle()
        if woken:
            queue.get_nowait()
        first.cancel()
        if not woken:
            await settle()
            queue.get_nowait()
        await second
        assert drain(queue) == [2]
        assert first.cancelled()

    asyncio.run(main())


def test_cancelling_a_job_makes_room():
    async def main():
        queue = sizes(maxsize=1)
        (ticket,) = put(queue, 9)
        putter = asyncio.create_task(queue.put(1, 1))
        await settle()
        assert queue.cancel(ticket)
        assert (await putter).job == 1

    asyncio.run(main())


def test_a_job_that_is_handed_back_finds_room_in_a_full_queue_and_wakes_a_getter():
    async def main():
        queue = PredictionQueue(SPRPT(), expensive=float, maxsize=1)
        put(queue, 4)
        running = queue.get_nowait()
        put(queue, 5)
        putter = asyncio.create_task(queue.put(1, 1))
        await settle()
        queue.requeue(running, 1.0)
        assert len(queue) == 2
        assert queue.get_nowait() is running
        assert queue.get_nowait().job == 5
        getter = asyncio.create_task(queue.get())
        assert (await putter).job == 1
        assert (await getter).job == 1
        getter = asyncio.create_task(queue.get())
        await settle()
        queue.requeue(running, 2.0)
        assert await getter is running

    asyncio.run(main())


# Predictors


@pytest.mark.parametrize(
    "answer", [math.nan, math.inf, -0.5, 1e101, "many", None, np.array([1.0, 2.0]), ValueError("none"), KeyError()]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_predictor_that_fails_never_loses_a_job(answer, late):
    def predict(job):
        if job != "hard":
            return 5.0
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def predict_late(job):
        await asyncio.sleep(0)
        return predict(job)

    async def main():
        queue = PredictionQueue(SPJF(), expensive=predict_late if late else predict)
        tickets = put(queue, "hard", "easy", "easy too")
        await settle()
        assert queue.stats.predictor_errors == 1
        assert math.isnan(tickets[0].view.predicted)
        return drain(queue)

    assert asyncio.run(main()) == ["easy", "easy too", "hard"]


def test_a_cheap_predictor_that_fails_makes_a_job_long_and_is_not_asked_again():
    asked = []

    def cheap(job):
        asked.append(job)
        raise RuntimeError

    queue = PredictionQueue(OneBit(1.0), cheap=cheap)
    (ticket,) = put(queue, "job")
    queue.get_nowait()
    queue.requeue(ticket, 1.0)
    assert asked == ["job"]
    assert queue.stats.predictor_errors == 1


def test_put_does_not_wait_for_a_predictor_and_its_late_answer_ranks_the_job_anew():
    async def main():
        ready = {}

        async def side_car(job):
            await ready.setdefault(job, asyncio.Event()).wait()
            return job

        queue = PredictionQueue(SPJF(), expensive=side_car)
        for job in (3, 2, 1):
            await queue.put(job, job)
        await settle()
        ready[2].set()
        await settle()
        order = [queue.get_nowait().job]  # the one that is known
        ready[1].set()
        await settle()
        return [*order, queue.get_nowait().job, queue.get_nowait().job]

    assert asyncio.run(main()) == [2, 1, 3]


def test_a_late_cheap_answer_leads_to_the_expensive_predictor_for_longs_only():
    async def main():
        asked = []

        async def cheap(job):
            await asyncio.sleep(0)
            return job

        queue = PredictionQueue(SkipPredict(2.0), cheap=cheap, expensive=lambda job: asked.append(job) or float(job))
        put(queue, 5, 1, 3)
        assert asked == []
        await settle()
        assert asked == [5, 3]
        return drain(queue)

    assert asyncio.run(main()) == [1, 3, 5]


@pytest.mark.parametrize("leave", ["get_nowait", "cancel"])
def test_a_predictor_that_never_returns_is_cancelled_when_its_job_leaves(leave):
    async def main():
        cancelled = []

        async def hangs(job):
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(job)

        queue = PredictionQueue(SPJF(), expensive=hangs)
        (ticket,) = put(queue, "job")
        await settle()
        queue.get_nowait() if leave == "get_nowait" else queue.cancel(ticket)
        await settle()
        assert cancelled == ["job"]
        assert queue.stats.predictor_errors == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_a_predictor_that_ends_after_dispatch_changes_nothing(ends):
    async def main():
        async def stubborn(job):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if ends == "raises":
                    raise ValueError(job) from None
            return 1.0

        queue = PredictionQueue(SPJF(), expensive=stubborn)
        put(queue, "job")
        await settle()
        ticket = queue.get_nowait()
        await settle()
        assert ticket.state == "running"
        assert math.isnan(ticket.view.predicted)
        assert queue.stats.predictor_errors == 0
        assert len(queue) == 0

    asyncio.run(main())


def test_an_async_predictor_needs_a_running_loop():
    async def predict(job):
        return 1.0

    queue = PredictionQueue(SPJF(), expensive=predict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInput, match="expensive is async, but no event loop runs"):
            queue.put_nowait("job")
    assert len(queue) == 0
    assert queue.stats.put == 0


def test_delaypredict_asks_when_a_job_that_passed_the_limit_is_handed_back():
    asked = []
    queue = PredictionQueue(DelayPredict(1.0), expensive=lambda job: asked.append(job) or float(job))
    long, short = put(queue, 9, 2)
    assert queue.get_nowait() is long
    assert queue.should_yield(long, 1.0)
    assert asked == []
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


# The end


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


def test_a_closed_queue_takes_nothing_drains_and_then_says_so():
    async def main():
        queue = sizes()
        put(queue, 2, 1)
        queue.close()
        for attempt in (queue.put(3, 3), asyncio.to_thread(lambda: None)):
            if asyncio.iscoroutine(attempt) and attempt.__name__ == "put":
                with pytest.raises(Closed, match="takes no more"):
                    await attempt
            else:
                await attempt
        with pytest.raises(Closed):
            queue.put_nowait(3, 3)
        assert [(await queue.get()).job, queue.get_nowait().job] == [1, 2]
        with pytest.raises(Closed, match="no job waits"):
            await queue.get()
        with pytest.raises(Closed):
            queue.get_nowait()

    asyncio.run(main())


def test_closing_ends_the_waiting_of_getters_and_putters():
    async def main():
        queue = sizes(maxsize=1)
        getters = [asyncio.create_task(queue.get()) for _ in range(2)]
        await settle()
        queue.close()
        for getter in getters:
            with pytest.raises(Closed):
                await getter
        full = sizes(maxsize=1)
        put(full, 1)
        putters = [asyncio.create_task(full.put(job, job)) for job in (2, 3)]
        await settle()
        full.close()
        for putter in putters:
            with pytest.raises(Closed):
                await putter
        assert drain(full) == [1]

    asyncio.run(main())


def test_a_running_job_may_be_handed_back_after_closing():
    queue = PredictionQueue(SPRPT(), expensive=float)
    put(queue, 2)
    ticket = queue.get_nowait()
    queue.close()
    queue.requeue(ticket, 1.0)
    assert queue.get_nowait() is ticket


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
                except Closed:
                    return
                served.append(ticket.job)
                await asyncio.sleep(0)
                queue.done(ticket)

        workers = [asyncio.create_task(work()) for _ in range(3)]
        await asyncio.gather(*(produce(first) for first in (0, 50, 100, 150)))
        await queue.join()
        queue.close()
        await asyncio.gather(*workers)
        return served

    assert sorted(asyncio.run(main())) == list(range(200))


def test_what_was_left_behind_stays_bounded_over_100_000_jobs():
    clock = Clock()
    queue = sizes(max_wait=50.0, clock=clock)
    rng = np.random.default_rng(0)
    waiting = []
    for step, size in enumerate(rng.exponential(1.0, 100_000)):
        clock.now = float(step)
        waiting.append(queue.put_nowait(step, float(size)))
        queue.update(waiting[step // 2], predicted=1.0) if waiting[step // 2].state == "waiting" else None
        if step % 3:
            queue.get_nowait()
        if step % 7 == 0:
            queue.cancel(waiting[step - step % 5])
        orders = queue._waiting
        assert len(orders._by_rank) <= 2 * len(queue) + 65
        assert len(orders.tickets) == len(queue)
    assert queue.stats.guarded > 1000
    assert queue.stats.cancelled > 1000


def test_handed_back_jobs_leave_a_bounded_number_of_entries():
    queue = PredictionQueue(LAS(quantum=1.0))
    put(queue, *range(50))
    for _ in range(20_000):
        ticket = queue.get_nowait()
        queue.requeue(ticket, ticket.view.age + 1.0)
        assert max(len(queue._waiting._by_rank), len(queue._waiting._returned)) <= 2 * 50 + 65


# Refusals


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

    with pytest.raises(InvalidInput, match="ranked a job nan"):
        PredictionQueue(Broken()).put_nowait("job")


def test_errors_survive_a_journey_to_another_process():
    for error in (Closed("closed"), QueueFull("full")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


# What it tells


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
    assert repr(queue) == "PredictionQueue(SPJF(by='expensive'), 1 waiting)"
    assert repr(queue.get_nowait()) == "Ticket(1, running)"
