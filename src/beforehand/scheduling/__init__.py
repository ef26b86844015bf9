"""Queues with predictions: which jobs to predict, in what order to run them, and what that is worth."""

from beforehand.scheduling.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.expectation import Expectation, expect, processor_sharing
from beforehand.scheduling.health import Health, Stats
from beforehand.scheduling.heavy_tails import BoundedPareto, Hyperexponential, LogNormal, Weibull
from beforehand.scheduling.laws import Deterministic, Exponential, Joint
from beforehand.scheduling.log import Log
from beforehand.scheduling.log_formula import LogFormula
from beforehand.scheduling.plan import audit, plan_queue
from beforehand.scheduling.policies import POLICIES, policy_from_json, policy_to_json
from beforehand.scheduling.prediction_errors import (
    BinnedError,
    ExactError,
    ExponentialError,
    IndependentError,
    LogNormalError,
    UniformError,
)
from beforehand.scheduling.prediction_queue import PredictionQueue, QueueFull
from beforehand.scheduling.queue_plan import QueuePlan
from beforehand.scheduling.simulator import Replay, Simulation, replay, simulate
from beforehand.scheduling.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.ticket import Ticket
from beforehand.scheduling.trail import TRAIL
from beforehand.scheduling.view import BANDS, FIRST, UNKNOWN, Policy, Row, StageTable, View

__all__ = [
    "BANDS",
    "FCFS",
    "FIRST",
    "LAS",
    "POLICIES",
    "PSPJF",
    "SPJF",
    "SPRPT",
    "TRAIL",
    "UNKNOWN",
    "BinnedError",
    "BoundedPareto",
    "DelayPredict",
    "Deterministic",
    "ExactError",
    "Expectation",
    "Exponential",
    "ExponentialError",
    "Health",
    "Hyperexponential",
    "IndependentError",
    "Joint",
    "Log",
    "LogFormula",
    "LogNormal",
    "LogNormalError",
    "OneBit",
    "Policy",
    "PredictionQueue",
    "QueueFull",
    "QueuePlan",
    "Replay",
    "Row",
    "Simulation",
    "SkipPredict",
    "StageTable",
    "Stats",
    "Ticket",
    "UniformError",
    "View",
    "Weibull",
    "audit",
    "expect",
    "plan_queue",
    "policy_from_json",
    "policy_to_json",
    "processor_sharing",
    "replay",
    "simulate",
]
