"""Ray itself, which only those need who use this package."""

from importlib import import_module
from typing import Any

from beforehand.core.errors import MissingDependency


def ray_for(what: str) -> Any:
    """The module, with its queues.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        import_module("ray.util.queue")
        return import_module("ray")
    except ImportError as error:
        raise MissingDependency(f"{what} needs ray; pip install 'beforehand[ray]'") from error
