import asyncio
import math

import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.scheduling import FCFS, SPRPT, FairQueue, PredictionQueue, QueueFull
from beforehand.scheduling.queue.callers import Callers
from tests.scheduling.queue_steps import ResponseRatio, drain, put, settle, sizes


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
        put(queue, 1)
        assert queue.get_nowait().job == 1

    asyncio.run(main())


def test_callers_who_give_up_leave_nothing_behind():
    async def main():
        callers = Callers()
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(callers.wait(lambda: 0), 0.001)
        woken = asyncio.create_task(callers.wait(lambda: 0))
        await asyncio.sleep(0)
        callers.wake(1)
        woken.cancel()
        with pytest.raises(asyncio.CancelledError):
            await woken
        assert (callers.waiting, callers.promised) == ([], 0)

    asyncio.run(main())


@pytest.mark.parametrize("order", ["first", "last", "random"])
def test_what_callers_leave_behind_who_give_up_is_never_more_than_those_who_wait(order):
    async def main():
        queue = sizes()
        getters = [asyncio.create_task(queue.get()) for _ in range(500)]
        await settle()
        random = np.random.default_rng(0)
        going = {"first": range(400), "last": range(499, 99, -1), "random": random.permutation(500)[:400]}[order]
        for count, place in enumerate(going, 1):
            getters[place].cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(queue._getters.waiting) <= 2 * (500 - count)
        left = [getter for place, getter in enumerate(getters) if place not in set(going)]
        put(queue, *range(100))
        assert [ticket.job for ticket in await asyncio.gather(*left)] == list(range(100))
        assert queue._getters.promised == 0

    asyncio.run(main())


def test_getters_who_give_up_all_at_once_pass_nothing_on_and_lose_nothing():
    async def main():
        queue = sizes()
        getters = [asyncio.create_task(queue.get()) for _ in range(300)]
        await settle()
        for getter in getters[:250]:
            getter.cancel()
        put(queue, *range(60))  # before the cancelled ones have run
        found = await asyncio.gather(*getters, return_exceptions=True)
        assert [type(each) for each in found[:250]] == [asyncio.CancelledError] * 250
        assert [each.job for each in found[250:]] == list(range(50))
        assert drain(queue) == list(range(50, 60))
        assert (queue._getters.waiting, queue._getters.promised) == ([], 0)

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


def test_a_put_that_fails_passes_its_room_on():
    async def main():
        queue = FairQueue(FCFS(), tenant=lambda job: job, maxsize=1)
        await queue.put("first")
        putters = [asyncio.create_task(queue.put(job)) for job in ([], "second")]  # a list is no tenant
        await settle()
        assert queue.get_nowait().job == "first"
        with pytest.raises(InvalidInput, match="must be hashable"):
            await putters[0]
        await asyncio.wait_for(putters[1], 1)
        assert drain(queue) == ["second"]

    asyncio.run(main())


def test_a_get_that_fails_lets_the_next_one_try():
    class Moody(ResponseRatio):
        ranked = 0

        def rank(self, view):
            Moody.ranked += 1
            return math.nan if Moody.ranked == 3 else 1.0

    async def main():
        queue = PredictionQueue(Moody(), expensive=float)
        getters = [asyncio.create_task(queue.get()) for _ in range(2)]
        await settle()
        put(queue, 1, 2)
        with pytest.raises(InvalidInput, match="ranked a job nan"):
            await getters[0]
        assert (await asyncio.wait_for(getters[1], 1)).job == 1
        assert drain(queue) == [2]

    asyncio.run(main())


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
