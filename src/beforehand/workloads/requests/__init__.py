"""Requests to language models: generated ones, and those that public logs hold. Numbers only, never text."""

from beforehand.workloads.requests.arrivals import (
    AZURE_CODE_BURSTS,
    AZURE_CONV_BURSTS,
    ArrivalProcess,
    Gamma,
    OnOff,
    Poisson,
    Replay,
)
from beforehand.workloads.requests.lengths import alpaca_like, azure_code_like, azure_conv_like, heavy_tailed
from beforehand.workloads.requests.predictions import NormalErrors
from beforehand.workloads.requests.request_log import read_request_log
from beforehand.workloads.requests.shared_prefixes import shared_prefixes
from beforehand.workloads.requests.tool_mix import tool_mix

__all__ = [
    "AZURE_CODE_BURSTS",
    "AZURE_CONV_BURSTS",
    "ArrivalProcess",
    "Gamma",
    "NormalErrors",
    "OnOff",
    "Poisson",
    "Replay",
    "alpaca_like",
    "azure_code_like",
    "azure_conv_like",
    "heavy_tailed",
    "read_request_log",
    "shared_prefixes",
    "tool_mix",
]
