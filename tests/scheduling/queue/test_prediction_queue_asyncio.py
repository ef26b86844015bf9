"""What PredictionQueue shares with asyncio.Queue: joining, shutting down, room, and its names."""

import asyncio

import pytest

from beforehand.core.errors import Closed, InvalidInput
from beforehand.scheduling import (
    SPRPT,
    PredictionQueue,
    QueueShutDown,
)
from tests.scheduling.queue_steps import drain, put, settle, sizes


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
