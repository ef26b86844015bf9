"""Mean response times for distributions of sizes and of prediction errors, as integrals over one key."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.job_distribution import Distribution, JobDistribution
from beforehand.scheduling.distributions.prediction_errors import ExactError, PredictionError
from beforehand.scheduling.distributions.special import Floats
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.keyed_phase import JobClass, Phase, grid_of, table_of
from beforehand.scheduling.formulas.log_formula import LogFormula, LogJobs
from beforehand.scheduling.formulas.log_rows import LogRows
from beforehand.scheduling.formulas.soap import Discipline, Jobs, Moments, Sums, discipline_of, expectation, in_turn
from beforehand.scheduling.inputs import LEAST, MOST
from beforehand.scheduling.log import Log
from beforehand.scheduling.policies.view import By

POINTS = 16  # for each panel; CHECK points give the accuracy
CHECK = 12


def expect_joint(policy: Any, jobs: JobDistribution, rate: float) -> Expectation:
    """The means of a stock policy for distributions, on one server with Poisson arrivals at `rate`, without prices.

    Guarantee:
        `accuracy` is the relative change from a coarser quadrature, far above the true error of smooth distributions.

    Cost:
        0.1 to 0.3 s for most pairs of distribution and policy, seconds for those that change within a narrow range;
        then some 60 us at any other rate.

    Raises:
        InvalidInput: the policy has no formula, or asks for a prediction that the distribution lacks.

    Example:
        >>> from beforehand.scheduling import SPRPT, Exponential, ExponentialError
        >>> round(expect_joint(SPRPT(), JobDistribution(Exponential(), ExponentialError()), 0.9).response_time, 9)
        5.098534103

    Reference:
        Scully, Harchol-Balter, Scheller-Wolf: SOAP: One Clean Analysis of All Age-Based Scheduling Policies.
        SIGMETRICS 2018. Shahout, Mitzenmacher: SkipPredict: When to Invest in Predictions for Scheduling.
        arXiv:2402.03564.
    """
    log = _tied(discipline_of(policy), jobs) if jobs.size.atoms else None
    if log is not None:
        return LogFormula(log).expect(policy, rate)
    found = expectation(policy, DistributionJobs(jobs, POINTS), rate)
    if not found.stable:
        return found
    rough = expectation(policy, DistributionJobs(jobs, CHECK), rate)
    return replace(found, accuracy=abs(rough.response_time / found.response_time - 1))


@final
@dataclass(frozen=True, slots=True)
class DistributionJobs:
    """Jobs drawn from distributions as the jobs of a formula, by quadrature with `points` nodes for each panel."""

    jobs: JobDistribution
    points: int

    @property
    def all(self) -> Moments:
        """The moments of all jobs together."""
        return Moments(1.0, self.jobs.mean, self.jobs.moment(2))

    def split(self, discipline: Discipline) -> tuple[Moments, Moments]:
        """The moments of the short and of the long jobs."""
        if discipline.keyed:
            _error(discipline.by, self.jobs)
        if discipline.gate is None:
            return Moments(), self.all
        return _moments(_long_jobs(discipline, self.jobs), self.points)

    def in_turn(self, discipline: Discipline, jobs: Moments, wait: float, slowdown: float, *, long: bool) -> Sums:
        """A class whose jobs all wait equally long."""
        return in_turn(jobs, wait, slowdown)

    def competing(
        self, discipline: Discipline, jobs: Moments, rate: float, *, base: float, others: float, before: float
    ) -> Sums:
        """The long jobs, which compete by key or by age."""
        if discipline.order == "attained":
            return Sums(self._by_age(rate), math.nan, math.nan)
        if not jobs.share:
            return Sums()
        phase = Phase(
            _long_jobs(discipline, self.jobs),
            _error(discipline.by, self.jobs),
            by_size=discipline.order == "size",
            fraction=discipline.fraction,
        )
        table = table_of(phase, self.points)
        strict, ahead = 1 - base - rate * table.below, 1 - base - rate * table.upto
        if not discipline.preemptive:
            return Sums(others / 2 * float(np.sum(table.key / (ahead * strict))) + jobs.work)
        old = others + rate * (2 * before * table.upto + table.old)
        left, idle = 1 - base - rate * table.load, 1 - base
        waiting = float(np.sum(table.key * (old / (2 * ahead * strict) + before / strict)))
        return Sums(
            time=waiting + float(np.sum(table.passed / left)) + table.rest / idle,
            memory=float(np.sum(table.age / left)) + table.rest_age / idle,
            interruptions=float(np.sum(table.passed * table.under)),
        )

    def _by_age(self, rate: float) -> float:
        x, weights, first, second = _attained(self.jobs.size, self.points)
        left = 1 - rate * first
        return float(np.sum(weights * (rate * second / (2 * left * left) + x / left)))


def jobs_of(distribution: Distribution) -> Jobs:
    """A log or a distribution as the jobs of a formula."""
    return LogJobs(LogRows(distribution)) if isinstance(distribution, Log) else DistributionJobs(distribution, POINTS)


@lru_cache(maxsize=64)
def _attained(size: Any, points: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Nodes for x with their weights, and the first two moments of min(S, x)."""
    grid = grid_of(JobClass(size), (), points)
    x = grid.x

    def moments(rows: NDArray[np.int64], sizes: Floats) -> tuple[Floats, ...]:
        least = np.minimum(sizes, x[rows])
        return least, least * least

    first, second = grid.table(x[:, None], moments)
    return x, grid.weights, first, second


@lru_cache(maxsize=256)
def _moments(longs: JobClass, points: int) -> tuple[Moments, Moments]:
    """Of the jobs that are not in the class, and of those that are."""
    grid = grid_of(longs, (), points)
    share = longs.share(grid.x)
    powers = [np.ones_like(grid.x), grid.x, grid.x**2]
    return (
        Moments(*(grid.mean((1 - share) * power) for power in powers)),
        Moments(*(grid.mean(share * power) for power in powers)),
    )


def _long_jobs(discipline: Discipline, jobs: JobDistribution) -> JobClass:
    if discipline.threshold is not None:
        return JobClass(jobs.size, _error("cheap", jobs), _boundary(discipline.threshold, jobs))
    return JobClass(jobs.size, limit=_boundary(discipline.limit, jobs))


def _boundary(level: float, jobs: JobDistribution) -> float:
    """The level, or 0 if no grid of sizes can tell it from 0."""
    return level if level > LEAST * jobs.mean else 0.0


def _tied(discipline: Discipline, jobs: JobDistribution) -> Log | None:
    """Jobs of one size as a log, if they compete by keys that are atoms: then ties matter."""
    if not discipline.keyed:
        return None
    error, size = _error(discipline.by, jobs), np.array(jobs.size.atoms)
    keys = size if isinstance(error, ExactError) else np.array(error.atoms)
    if not keys.size:
        return None
    weight = -np.diff([1.0, *error.survival(keys[:-1], size), 0.0])
    if discipline.threshold is None:
        predicted: dict[str, Any] = {discipline.by: keys}
        return Log(np.repeat(size, keys.size), weight=weight, **predicted)
    long = float(_long_jobs(discipline, jobs).share(size)[0])
    cheap = np.repeat([0.0, min(discipline.threshold, MOST)], keys.size)
    weight = np.concatenate([(1 - long) * weight, long * weight])
    return Log(np.repeat(size, cheap.size), expensive=np.tile(keys, 2), cheap=cheap, weight=weight)


def _error(by: By, jobs: JobDistribution) -> PredictionError:
    error = jobs.expensive if by == "expensive" else jobs.cheap
    if error is None:
        raise InvalidInput(
            f"there are no {by} predictions, but the policy asks for them; pass {by}= to the distribution"
        )
    return error
