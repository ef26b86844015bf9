"""Workers, producers and callers who give up, at random: every job is handed out once, or was cancelled."""

import asyncio

import numpy as np
import pytest

from beforehand.scheduling import FCFS, LAS, SPJF, SPRPT, FairQueue, PredictionQueue, QueueShutDown, SkipPredict, Ticket
from tests.scheduling.queue_steps import ResponseRatio


def queue_for(random):
    """A queue with options at random; its jobs are numbers."""

    def predict(job):
        if job % 11 == 0:
            raise ValueError(job)
        return float(job * 7919 % 101)

    async def predict_late(job):
        for _ in range(job % 4):
            await asyncio.sleep(0)
        return predict(job)

    policy = [FCFS(), SPJF(), SPRPT(), LAS(quantum=1.0), SkipPredict(50.0), ResponseRatio()][random.integers(6)]
    options = {
        "cheap": predict,
        "expensive": predict_late if random.random() < 0.5 else predict,
        "max_wait": [None, 0.0, 3.0][random.integers(3)],
        "ageing": [0.0, 0.5][random.integers(2)],
        "maxsize": int(random.choice([0, 1, 3])),
    }
    if random.random() < 0.3:
        return FairQueue(policy, tenant=lambda job: job % 3, weights={1: 2.0}, **options)
    return PredictionQueue(policy, **options)


async def run(seed):
    """Run one schedule: the queue, all tickets that `put` returned, and the jobs that were done."""
    random = np.random.default_rng(seed)
    queue = queue_for(random)
    tickets, done = [], []

    async def pause():
        for _ in range(random.integers(4)):
            await asyncio.sleep(0)

    async def produce(first):
        for job in range(first, first + 12):
            await pause()
            try:
                tickets.append(await queue.put(job))
            except QueueShutDown:
                return
            if random.random() < 0.1:
                queue.cancel(tickets[random.integers(len(tickets))])

    async def work():
        while True:
            try:
                ticket = await queue.get()
            except QueueShutDown:
                return
            served = ticket.view.age
            while random.random() < 0.3:
                await asyncio.sleep(0)
                served += 1.0
                if queue.should_yield(ticket, served):
                    queue.requeue(ticket, served)
                    break
            else:
                finish(ticket)

    def finish(ticket):
        done.append(ticket.job)
        queue.done(ticket, size=ticket.view.age + 1.0 if random.random() < 0.7 else None)

    async def give_up():
        for job in range(301, 316):
            caller = asyncio.create_task(queue.get() if random.random() < 0.5 else queue.put(job))
            await pause()
            caller.cancel()
            (found,) = await asyncio.gather(caller, return_exceptions=True)
            if isinstance(found, Ticket) and found.job == job:
                tickets.append(found)
            elif isinstance(found, Ticket):
                finish(found)

    workers = [asyncio.create_task(work()) for _ in range(random.integers(1, 4))]
    callers = [asyncio.create_task(produce(first)) for first in (1, 101, 201)] + [asyncio.create_task(give_up())]
    if random.random() < 0.3:
        for _ in range(random.integers(60)):
            await asyncio.sleep(0)
        queue.shutdown(immediate=True)
        await asyncio.gather(*callers)
    else:
        await asyncio.gather(*callers)
        await queue.join()
        queue.shutdown()
    await asyncio.wait_for(asyncio.gather(*workers), 10)
    await asyncio.wait_for(queue.join(), 10)
    return queue, tickets, done


@pytest.mark.parametrize("block", range(12))
def test_no_schedule_loses_a_job_or_serves_one_twice(block):
    for seed in range(30 * block, 30 * (block + 1)):
        queue, tickets, done = asyncio.run(run(seed))
        ended = [ticket.job for ticket in tickets if ticket.state == "done"]
        assert sorted(ended) == sorted(done), seed
        assert {ticket.state for ticket in tickets} <= {"done", "cancelled"}, seed
        assert (queue.stats.put, len(queue)) == (len(tickets), 0)
        for callers in (queue._getters, queue._putters):
            assert (callers.waiting, callers.promised) == ([], 0)
