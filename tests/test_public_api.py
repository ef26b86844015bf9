"""The names that a user may rely on; a change here is a change of the interface."""

import importlib
import re

import pytest

import beforehand

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
        "BANDS", "DelayPredict", "Expectation", "FCFS", "FIRST", "Health", "LAS", "Log", "OneBit", "POLICIES", "PSPJF",
        "Policy", "PredictionQueue", "QueueFull", "Row", "SPJF", "SPRPT", "SkipPredict", "StageTable", "Stats", "TRAIL",
        "Ticket", "UNKNOWN", "View", "expect", "policy_from_json", "policy_to_json", "processor_sharing",
