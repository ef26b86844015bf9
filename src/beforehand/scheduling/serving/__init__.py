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
from beforehand.scheduling.serving.calibration import fit_profile
from beforehand.scheduling.serving.ordering.rank_queue import RankQueue
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity
from beforehand.scheduling.serving.predictors.outlived import Outlived
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

__all__ = [
    "FCFS",
    "LAMPS",
    "POLICIES",
    "PROFILES",
    "PSPJF",
    "SPJF",
    "SPRPT",
    "TRAIL",
    "Boosted",
    "EngineProfile",
    "EngineView",
    "LengthProbe",
    "ModelIdentity",
    "Outlived",
    "Policy",
    "RankQueue",
    "ShortestWork",
    "Skip",
    "SkipPredict",
    "ToolDurations",
    "ToolView",
    "View",
    "Wastes",
    "WorkRates",
    "columns_of",
    "fit_profile",
    "policy_from_json",
    "policy_to_json",
    "saturation_of",
    "wastes",
]
