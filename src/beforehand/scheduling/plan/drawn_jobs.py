"""Designs run on the same simulated jobs: percentiles, deadlines and the largest jobs, which have no formula."""

from dataclasses import dataclass
from typing import Final, Self, final, get_args

import numpy as np

from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import LAS
from beforehand.scheduling.policies.policy import stages_of
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.view import By
from beforehand.scheduling.simulation import native_engine
from beforehand.scheduling.simulation.draws import Jobs, draw, together, wanted_predictions
from beforehand.scheduling.simulation.estimate import FIGURES, Batching
from beforehand.scheduling.simulation.simulator import MOST_QUANTA, REPLAYED
from beforehand.scheduling.simulation.work import work_moments

WARMUP: Final = 0.1  # the share of jobs that is served, but not counted
LEAST_LOAD: Final = 1e-6  # with less nobody waits, and floats would lose sizes in times so long
LARGEST: Final = 0.01  # the share of jobs that are called the largest
QUANTA: Final = 32  # in the mean size, where LAS is built


@final
@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What became of the jobs after the warm-up.

    Args:
        size: Of each job.
        response: Its response time; inf if predictions overload the server.
        cheap_calls: Cheap predictions for each job.
        expensive_calls: Expensive ones.
        interruptions: How often a job is preempted by another.
        memory: The time average of the summed ages of unfinished jobs.
        utilization: The share of time that the servers work.
    """

    size: Floats
    response: Floats
    cheap_calls: float
    expensive_calls: float
    interruptions: float
    memory: float
    utilization: float

    @property
    def largest(self) -> float:
        """The mean response time of the largest 1 % of these jobs, one at least."""
        many = max(int(LARGEST * len(self.size)), 1)
        return float(self.response[np.argsort(self.size, kind="stable")[-many:]].mean())


@final
@dataclass(frozen=True, slots=True, eq=False)
class DrawnJobs:
    """Jobs like those of a log, which come at random at the planned load: the same for every design.

    Args:
        log: What they were drawn from, by weight; it has no missing predictions.
        setting: What is planned for.
        jobs: Those drawn.
    """

    log: Log
    setting: Setting
    jobs: Jobs

    @classmethod
    def like(cls, log: Log, setting: Setting, jobs: int, seed: int) -> Self:
        """So many jobs of a seed, as `simulate` draws them."""
        load = max(setting.load, LEAST_LOAD)
        rate = arrival_rate(log.mean, load=load, rate=None, servers=setting.servers)
        predictions: set[By] = {name for name in get_args(By) if getattr(log, name) is not None}
        return cls(log, setting, together(draw(log, rate, jobs, seed, predictions)))

    def run(self, policy: Stock) -> Run:
        """Serve them all. LAS with quanta too small for an engine gets those of a 32nd of the mean size.

        Raises:
            InvalidInput: the policy asks for a prediction that the log lacks.
        """
        log, setting, jobs = self.log, self.setting, self.jobs
        if isinstance(policy, LAS) and log.mean > MOST_QUANTA * policy.quantum:
            policy = LAS(quantum=log.mean / QUANTA)
        stages = stages_of(policy)
        assert stages is not None  # a stock policy has some
        wanted_predictions(policy, stages, log)
        many = len(jobs.size)
        batching = Batching(many, min(int(WARMUP * many), many - 1), 1)
        parts = (jobs.part(slice(first, first + REPLAYED)) for first in range(0, many, REPLAYED))
        seen = native_engine.serve(
            stages, parts, servers=setting.servers, switch_cost=setting.switch_cost, batching=batching, keep=True
        )
        total = dict(zip(FIGURES, seen.sums.table[1:-1].sum(axis=0).tolist(), strict=True))
        response = seen.completion - jobs.arrival
        if setting.load * work_moments(stages, log)[0] >= log.mean:
            response[:] = np.inf
        return Run(
            size=jobs.size[batching.warmup :],
            response=response[batching.warmup :],
            cheap_calls=total["cheap_calls"] / total["jobs"],
            expensive_calls=total["expensive_calls"] / total["jobs"],
            interruptions=total["interruptions"] / total["jobs"],
            memory=total["memory"] / total["gaps"],
            utilization=total["busy"] / (total["gaps"] * setting.servers),
        )
