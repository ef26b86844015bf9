"""A gateway for stock engines: it gives each request a priority by what is known of it beforehand, and passes it on."""

from importlib import import_module
from typing import Any

from beforehand.core.errors import MissingDependency
from beforehand.integrations.gateway.litellm_router import check_router
from beforehand.integrations.gateway.priorities import Priorities
from beforehand.integrations.gateway.recorded import RecordedRequests

__all__ = ["Gateway", "Priorities", "RecordedRequests", "check_router"]


def __getattr__(name: str) -> Any:
    """The gateway itself, which needs aiohttp.

    Raises:
        MissingDependency: aiohttp is not installed.
    """
    if name != "Gateway":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    try:
        return import_module(f"{__name__}.proxy").Gateway
    except ModuleNotFoundError as error:
        raise MissingDependency("Gateway needs aiohttp; pip install 'beforehand[gateway]'") from error
