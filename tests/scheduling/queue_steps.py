"""What tests of `PredictionQueue` share: a clock that they set, and a queue of jobs that are their own predictions."""

import asyncio
import math
from dataclasses import dataclass

from beforehand.scheduling import SPJF, PredictionQueue
from beforehand.scheduling.policies import FIRST


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


@dataclass(frozen=True)
class ResponseRatio:
    """Highest response ratio next: the job that has waited longest for its size."""

    timed = True

    def rank(self, view):
        known = view.predicted == view.predicted  # not nan
        ratio = (view.now - view.arrival) / max(view.predicted, 1e-9) if known else 0.0
        return FIRST if view.started else -ratio

    def review_age(self, view):
        return math.inf

    def asks(self, view):
        return "expensive" if math.isnan(view.predicted) else None

    def stages(self):
        return None
