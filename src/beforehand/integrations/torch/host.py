"""torch, which only some users have."""

from importlib import import_module
from typing import Any

from beforehand.core.errors import MissingDependency


def torch_for(what: str) -> Any:
    """The host.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        return import_module("torch")
    except ImportError as error:
        raise MissingDependency(f"{what} needs torch; pip install 'beforehand[torch]'") from error
