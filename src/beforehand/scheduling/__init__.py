"""Queues with predictions: which jobs to predict, in what order to run them, and what that is worth."""

from typing import TYPE_CHECKING

from beforehand.core.deprecation import renamed_names
from beforehand.core.on_demand import names_on_demand
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.lamps import LAMPS
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.policy_json import policy_from_json, policy_to_json
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.skip import Skip
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.stages import Stage, Stages
from beforehand.scheduling.policies.stock import POLICIES
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import View

if TYPE_CHECKING:
    from beforehand.scheduling.distributions.bounded_pareto import BoundedPareto
    from beforehand.scheduling.distributions.heavy_tails import Hyperexponential, LogNormal, Weibull
    from beforehand.scheduling.distributions.job_distribution import JobDistribution
    from beforehand.scheduling.distributions.prediction_errors import (
        BinnedError,
        ExactError,
        ExponentialError,
        IndependentError,
        LogNormalError,
        UniformError,
    )
    from beforehand.scheduling.distributions.sizes import Deterministic, Exponential
    from beforehand.scheduling.formulas.expect import expect, processor_sharing
    from beforehand.scheduling.formulas.expectation import Expectation
    from beforehand.scheduling.formulas.log_formula import LogFormula
    from beforehand.scheduling.log import Log
    from beforehand.scheduling.plan.needed_accuracy import NeededAccuracy, needed_accuracy
    from beforehand.scheduling.plan.needed_servers import NeededServers, needed_servers
    from beforehand.scheduling.plan.planner import audit, plan_queue
    from beforehand.scheduling.plan.queue_plan import QueuePlan
    from beforehand.scheduling.queue.errors import QueueFull, QueueShutDown
    from beforehand.scheduling.queue.fair_queue import FairQueue
    from beforehand.scheduling.queue.health import Health, Stats
    from beforehand.scheduling.queue.prediction_queue import PredictionQueue
    from beforehand.scheduling.queue.ticket import Ticket
    from beforehand.scheduling.simulation.simulator import Replay, Simulation, replay, simulate

ON_DEMAND = {  # so that requests to a language model do not pay for a queue of jobs, nor for asyncio
    "distributions.bounded_pareto": "BoundedPareto",
    "distributions.heavy_tails": "Hyperexponential LogNormal Weibull",
    "distributions.job_distribution": "JobDistribution",
    "distributions.prediction_errors": (
        "BinnedError ExactError ExponentialError IndependentError LogNormalError UniformError"
    ),
    "distributions.sizes": "Deterministic Exponential",
    "formulas.expect": "expect processor_sharing",
    "formulas.expectation": "Expectation",
    "formulas.log_formula": "LogFormula",
    "log": "Log",
    "plan.needed_accuracy": "NeededAccuracy needed_accuracy",
    "plan.needed_servers": "NeededServers needed_servers",
    "plan.planner": "audit plan_queue",
    "plan.queue_plan": "QueuePlan",
    "queue.errors": "QueueFull QueueShutDown",
    "queue.fair_queue": "FairQueue",
    "queue.health": "Health Stats",
    "queue.prediction_queue": "PredictionQueue",
    "queue.ticket": "Ticket",
    "simulation.simulator": "Replay Simulation replay simulate",
}
__getattr__ = renamed_names(
    __name__,
    names_on_demand(__name__, ON_DEMAND),
    Joint="JobDistribution",
    Row="Stage",
    StageTable="Stages",
    BANDS="policies.BANDS",
    FIRST="policies.FIRST",
    UNKNOWN="policies.UNKNOWN",
)

__all__ = [
    "FCFS",
    "LAMPS",
    "LAS",
    "POLICIES",
    "PSPJF",
    "SPJF",
    "SPRPT",
    "TRAIL",
    "BinnedError",
    "Boosted",
    "BoundedPareto",
    "DelayPredict",
    "Deterministic",
    "ExactError",
    "Expectation",
    "Exponential",
    "ExponentialError",
    "FairQueue",
    "Health",
    "Hyperexponential",
    "IndependentError",
    "JobDistribution",
    "Log",
    "LogFormula",
    "LogNormal",
    "LogNormalError",
    "NeededAccuracy",
    "NeededServers",
    "OneBit",
    "Policy",
    "PredictionQueue",
    "QueueFull",
    "QueuePlan",
    "QueueShutDown",
    "Replay",
    "ShortestWork",
    "Simulation",
    "Skip",
    "SkipPredict",
    "Stage",
    "Stages",
    "Stats",
    "Ticket",
    "UniformError",
    "View",
    "Weibull",
    "audit",
    "expect",
    "needed_accuracy",
    "needed_servers",
    "plan_queue",
    "policy_from_json",
    "policy_to_json",
    "processor_sharing",
    "replay",
    "simulate",
]


def __dir__() -> list[str]:
    """Its names, those on demand as well."""
    return sorted({*globals(), *__all__})
