"""What tests of `PredictionQueue` share: a clock that they set, and a queue of jobs that are their own predictions."""

import asyncio

from beforehand.scheduling import SPJF, PredictionQueue


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
    """The tickets of these jobs."""
    return [queue.put_nowait(job, job) for job in jobs]


def drain(queue):
    """All jobs that wait, in the order in which they come out."""
    return [queue.get_nowait().job for _ in range(len(queue))]


async def settle():
    """Let every task get as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)
