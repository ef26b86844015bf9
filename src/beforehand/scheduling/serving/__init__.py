"""Scheduling of requests to a language model: what to serve first, whom to preempt, what to keep during a tool call.

The policies are those of `beforehand.scheduling`, which has the single-server half.
"""

from beforehand.scheduling.engine_profile import PROFILES, EngineProfile, WorkRates, saturation_of
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.memory_time import Wastes, wastes
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.lamps import LAMPS
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.policy_json import policy_from_json, policy_to_json
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.skip import Skip
from beforehand.scheduling.policies.skip_predict import SkipPredict
from beforehand.scheduling.policies.stock import POLICIES
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import ToolView, View, columns_of
from beforehand.scheduling.serving.calibration import CopyTimes, fit_copies, fit_profile
from beforehand.scheduling.serving.handlings.always import Always
from beforehand.scheduling.serving.handlings.handling import Handling
from beforehand.scheduling.serving.handlings.handling_json import HANDLINGS, handling_from_json, handling_to_json
from beforehand.scheduling.serving.handlings.infer_cept import InferCept
from beforehand.scheduling.serving.handlings.min_waste import MinWaste
from beforehand.scheduling.serving.handlings.time_to_live import TimeToLive
from beforehand.scheduling.serving.ordering.preemption import select_victims
from beforehand.scheduling.serving.ordering.rank_queue import RankQueue
from beforehand.scheduling.serving.plan.planner import audit, plan_serving
from beforehand.scheduling.serving.plan.serving_plan import ServingPlan
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity
from beforehand.scheduling.serving.predictors.outlived import Outlived
from beforehand.scheduling.serving.predictors.probe_report import ProbeReport
from beforehand.scheduling.serving.predictors.probe_training import train_probe
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.predictors.tool_calls import ToolCalls
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.automatic_boost import automatic_boost
from beforehand.scheduling.serving.simulator.request import check_requests
from beforehand.scheduling.serving.simulator.result import ServingResult
from beforehand.scheduling.serving.simulator.simulate import simulate

__all__ = [
    "FCFS",
    "HANDLINGS",
    "LAMPS",
    "POLICIES",
    "PROFILES",
    "PSPJF",
    "SPJF",
    "SPRPT",
    "TRAIL",
    "Always",
    "Boosted",
    "CopyTimes",
    "EngineProfile",
    "EngineView",
    "Handling",
    "InferCept",
    "LengthProbe",
    "MinWaste",
    "ModelIdentity",
    "Outlived",
    "Policy",
    "ProbeReport",
    "PromptLength",
    "RankQueue",
    "ServingPlan",
    "ServingResult",
    "ShortestWork",
    "Skip",
    "SkipPredict",
    "TimeToLive",
    "ToolCalls",
    "ToolDurations",
    "ToolView",
    "View",
    "Wastes",
    "WorkRates",
    "audit",
    "automatic_boost",
    "check_requests",
    "columns_of",
    "fit_copies",
    "fit_profile",
    "handling_from_json",
    "handling_to_json",
    "plan_serving",
    "policy_from_json",
    "policy_to_json",
    "saturation_of",
    "select_victims",
    "simulate",
    "train_probe",
    "wastes",
]
