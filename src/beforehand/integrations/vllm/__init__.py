"""Orders, memory and predictions of `scheduling.serving` inside vLLM.

Name the class that the engine needs: `--scheduler-cls beforehand.integrations.vllm.AsyncScheduler` on GPUs,
`.Scheduler` on CPUs. Importing this package imports no vLLM; asking it for a class does.
"""

from importlib import import_module
from typing import Any

from beforehand.core.errors import MissingDependency

_HOMES = {"AsyncScheduler": "scheduler", "ProbeWorker": "worker", "Scheduler": "scheduler"}


def __getattr__(name: str) -> Any:
    """The class, from a module that needs vLLM.

    Raises:
        MissingDependency: vLLM is not installed.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "vllm":
            raise
        raise MissingDependency(f"{name} needs vLLM; pip install vllm, the build for your machine") from error
