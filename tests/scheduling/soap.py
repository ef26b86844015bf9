"""The SOAP theorem itself, term by term over all pairs of jobs: slow, and exact where the numbers are fractions.

A job is a sequence of stretches of service, each at a rank (band, level) that stays, falls or rises with the service
received. Nothing here knows a policy's formula: stretches come from the policy's own table of stages.
"""

import bisect
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise

PINNED = -math.inf  # the band of a job that cannot be overtaken


@dataclass(frozen=True)
class Stretch:
    length: Fraction
    band: float
    level: Fraction
    slope: int = 0

    @property
    def begin(self):
        return self.band, self.level

    @property
    def worst(self):
        return self.band, self.level + max(self.slope, 0) * self.length


@dataclass(frozen=True)
class Job:
    weight: Fraction
    stretches: tuple[Stretch, ...]
    work: Fraction  # done before its own size, by the server's predictor

    @cached_property
    def total(self):
        return sum(stretch.length for stretch in self.stretches)


def job(policy, weight, size, expensive, cheap):
    """One row of a log as the policy would serve it."""
    table, number = policy.stages(), type(size)
    rows = table.short if not math.isnan(table.threshold) and cheap < table.threshold else table.long
    key = expensive if table.by == "expensive" else cheap
    served = work = number(0)
    stretches = []
    for row in rows:
        wanted = (
            math.inf if row.fixed == math.inf else number(row.fixed) + number(row.per_key) * (key if row.per_key else 0)
        )
        if row.order == "attained":  # the limit of small quanta
            stretches.append(Stretch(size, 0, number(0), 1))
            break
        length = wanted if row.prediction else min(wanted, size - served)
        level = key - served if row.order == "remaining" else key if row.order == "size" else number(0)
        band = PINNED if row.order == "pinned" else row.band
        if table.start_pins:
            stretches += [Stretch(number(0), band, level), Stretch(length, PINNED, number(0))]
        else:  # a length of 0 counts: a job may be pinned as it starts
            stretches.append(Stretch(length, band, level, -(row.order == "remaining")))
        served, work = (served, work + length) if row.prediction else (served + length, work)
        if served == size:
            break
    return Job(weight, tuple(stretches), work)


class Queue:
    """Poisson arrivals at `rate` of jobs drawn by weight (which sum to 1), and one server."""

    def __init__(self, jobs, rate):
        self.jobs, self.rate = jobs, rate
        self.marks = sorted({stretch.begin for job in jobs for stretch in job.stretches})
        # The load that a new job brings before its rank reaches a level only changes at marks: what holds above each.
        self.above = [self._new_load((band, level), above=True) for band, level in self.marks]

    def _mean(self, of):
        return self.rate * sum(job.weight * of(job) for job in self.jobs)

    def _new_load(self, rank, *, above=False):
        return self._mean(lambda job: _new(job, rank, above))

    @cached_property
    def load(self):
        return self._mean(lambda job: job.total)

    @cached_property
    def workload(self):
        """Unfinished work in the long run, whatever the order."""
        return self._mean(lambda job: job.total**2) / (2 * (1 - self.load))

    def wait(self, rank):
        """Until an arrival that will be as bad as this rank is served for the first time."""
        squares = self._mean(lambda job: sum(length**2 for length in _old(job, rank)))
        old = self._mean(lambda job: _old(job, rank)[0])
        return squares / 2 / ((1 - old) * (1 - self._new_load(rank)))

    def _way(self, stretch, later):
        """Pieces (length, slowdown) of a stretch, for a job that will be as bad as the ranks `later` again."""
        floor = max(later, default=(PINNED, 0))
        if stretch.slope >= 0 or floor >= stretch.begin:
            return [(stretch.length, 1 / (1 - self._new_load(max(stretch.worst, floor))))]
        low = stretch.band, stretch.level - stretch.length
        low = max(low, floor) if floor[0] == stretch.band else low
        inside = self.marks[bisect.bisect_right(self.marks, low) : bisect.bisect_left(self.marks, stretch.begin)]
        cuts = [low, *inside, stretch.begin]
        pieces = [(to[1] - at[1], 1 / (1 - self._between(at, to))) for at, to in reversed(list(pairwise(cuts)))]
        left = stretch.length - (stretch.level - low[1])
        return [*pieces, (left, 1 / (1 - self._new_load(floor)))] if left else pieces

    def _between(self, low, high):
        at = bisect.bisect_right(self.marks, low)
        return self.above[at - 1] if at else self._new_load(high)

    def time(self, job):
        """Its expected response time."""
        stretches = job.stretches
        ways = [self._way(s, [later.worst for later in stretches[i + 1 :]]) for i, s in enumerate(stretches)]
        return self.wait(max(s.worst for s in stretches)) + sum(length * slow for way in ways for length, slow in way)

    def attained(self, job):
        """The expected time until an age is reached, summed over all ages (of ranks that do not rise)."""
        total, worst = 0, list(accumulate((s.begin for s in job.stretches), max))
        for i, stretch in enumerate(job.stretches):
            before = self.wait(worst[i])
            for k, earlier in enumerate(job.stretches[:i]):
                later = [s.begin for s in job.stretches[k + 1 : i + 1]]
                before += sum(length * slow for length, slow in self._way(earlier, later))
            total += before * stretch.length
            left = stretch.length
            for length, slow in self._way(stretch, []):
                total += slow * length * (left - length / 2)
                left -= length
        return total

    @cached_property
    def response_time(self):
        return sum(job.weight * self.time(job) for job in self.jobs)

    @cached_property
    def memory(self):
        """The time average of the summed ages of unfinished jobs."""
        return self._mean(lambda job: job.total * self.time(job) - self.attained(job))

    @cached_property
    def interruptions(self):
        """Arrivals in each job's service that outrank it."""
        return self.rate * sum(
            job.weight * other.weight * _above(stretch, other.stretches[0].begin)
            for job in self.jobs for stretch in job.stretches for other in self.jobs
        )  # fmt: skip


def _above(stretch, rank):
    """How much of a stretch lies above a rank."""
    if stretch.band != rank[0] or stretch.slope == 0:
        return stretch.length if stretch.begin > rank else 0 * stretch.length
    return min(max(stretch.level - rank[1], 0), stretch.length)


def _old(job, rank):
    """The lengths of the age intervals in which a job is at most at a rank, the first of them from birth."""
    lengths, current = [], 0 * job.total
    for stretch in job.stretches:
        if stretch.slope > 0:
            below = min(max(rank[1] - stretch.level, 0), stretch.length) if stretch.band == rank[0] else stretch.length
            lengths.append(current + below)
            current = 0 * job.total
            continue
        above = _above(stretch, rank)
        if stretch.begin > rank:
            lengths.append(current)
            current = 0 * job.total
        current += stretch.length - above
    return [*lengths, current]


def _new(job, rank, above=False):
    """The service that a new job gets before its rank is at or beyond a rank; or beyond it, if `above`."""
    served = 0 * job.total
    for stretch in job.stretches:
        if stretch.slope > 0 and stretch.band == rank[0]:
            return served + min(max(rank[1] - stretch.level, 0), stretch.length)
        if stretch.begin > rank if above else stretch.begin >= rank:
            break
        served += stretch.length
    return served
