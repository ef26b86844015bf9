"""torch, which only some users have."""

from importlib import import_module
from typing import Any

from beforehand.core.errors import MissingDependency

COMPRESSED = ("torch.float32", "torch.float16", "torch.bfloat16")  # dtypes of gradients; others go torch's own way


def torch_for(what: str) -> Any:
    """The host.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        return import_module("torch")
    except ImportError as error:
        raise MissingDependency(f"{what} needs torch; pip install 'beforehand[torch]'") from error
