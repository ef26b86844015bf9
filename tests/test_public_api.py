"""The names that a user may rely on; a change here is a change of the interface."""

import importlib
import re

import pytest

import beforehand
from tests.areas import AREAS, HOSTS

NAMES = {
    "beforehand": ["__version__"],
    "beforehand.core": [
        "Child", "Outcome", "Plan", "Predictor", "Price", "Report", "Trace", "Verdict", "load_plan",
    ],
    "beforehand.integrations.sklearn": ["AdaptiveQuantizer"],
    "beforehand.integrations.torch": ["codebook", "quantize_linear"],
    "beforehand.quantization": [
        "Codec", "Codes", "Histogram", "Levels", "QuantizationPlan", "audit", "decode", "encode", "hadamard", "levels",
        "plan", "rotate",
    ],
    "beforehand.scheduling": [
        "BinnedError", "BoundedPareto", "DelayPredict", "Deterministic", "ExactError", "Expectation", "Exponential",
        "ExponentialError", "FCFS", "Health", "Hyperexponential", "IndependentError", "Joint", "LAS", "Log",
        "LogFormula", "LogNormal", "LogNormalError", "OneBit", "POLICIES", "PSPJF", "Policy", "PredictionQueue",
        "QueueFull", "QueuePlan", "Replay", "SPJF", "SPRPT", "Simulation", "SkipPredict", "Stage", "Stages", "Stats",
        "TRAIL", "Ticket", "UniformError", "View", "Weibull", "audit", "expect", "plan_queue", "policy_from_json",
        "policy_to_json", "processor_sharing", "replay", "simulate",
    ],
    "beforehand.scheduling.policies": ["BANDS", "FIRST", "Policy", "Stage", "Stages", "UNKNOWN", "View"],
}  # fmt: skip
PACKAGES = {f"beforehand.{area}" for area in AREAS} | {f"beforehand.integrations.{host}" for host in HOSTS}


@pytest.mark.parametrize("module", sorted(PACKAGES | set(NAMES)))
def test_exported_names_are_these_and_exist(module):
    found = importlib.import_module(module)
    assert sorted(found.__all__) == NAMES[module]
    assert all(hasattr(found, name) for name in found.__all__)


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", beforehand.__version__)
