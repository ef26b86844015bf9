"""Whether the vLLM at hand is one whose scheduler this package knows."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from beforehand.integrations.vllm.queue import RankedRequestQueue

TESTED: Final = ("0.32.0",)  # all tests pass on these; the methods of 0.27.1 and 0.30.0 fit too
SEAMS: Final[dict[str, tuple[str, ...]]] = {  # the methods that are overridden, with the parameters that are relied on
    "__init__": ("vllm_config", "kv_cache_config", "block_size", "hash_block_size"),
    "schedule": (),
    "update_from_output": ("scheduler_output", "model_runner_output"),
    "_preempt_request": ("request", "timestamp"),
    "_handle_stopped_request": ("request",),
    "_update_request_as_session": ("session", "update"),
    "_free_request": ("request", "delay_free_blocks"),
    "reset_prefix_cache": (),
    "shutdown": (),
}
CALLED: Final[dict[str, tuple[str, ...]]] = {"_free_blocks": ("request",), "_free_request_blocks": ("request",)}
QUEUES: Final = ("waiting", "skipped_waiting", "kv_holding_waiting")
HELD: Final = ("running", "requests", "max_num_running_reqs", "scheduler_config", "num_waiting_for_streaming_input")
STATUSES: Final = ("WAITING", "RUNNING", "PREEMPTED", "FINISHED_ABORTED")
OF_REQUESTS: Final = ("num_tokens", "num_output_tokens")


def vllm_class(scheduler: Any) -> type[Any]:
    """The class of vLLM that the scheduler extends."""
    return next(each for each in type(scheduler).__mro__ if each.__module__.split(".")[0] == "vllm")


def mismatches(scheduler: Any) -> list[str]:
    """What this package relies on and does not find, each in a sentence; empty if it can work.

    Args:
        scheduler: One whose own `__init__` has run.
    """
    return [*_methods(vllm_class(scheduler)), *_parts(scheduler)]


def _methods(base: type[Any]) -> Iterator[str]:
    for name, wanted in (SEAMS | CALLED).items():
        parameters = _parameters(base, name)
        if parameters is None:
            yield f"{base.__name__} has no method {name}"
            continue
        lacking = [each for each in wanted if each not in parameters]
        if lacking:
            yield f"{base.__name__}.{name} takes ({', '.join(parameters)}), which lacks {', '.join(lacking)}"
        unknown = [
            each.name
            for each in parameters.values()
            if each.default is each.empty
            and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
            and each.name not in (*wanted, "self")
        ]
        if unknown and name != "__init__":
            yield f"{base.__name__}.{name} demands {', '.join(unknown)}, which this package does not know"


def _parameters(base: type[Any], name: str) -> Mapping[str, inspect.Parameter] | None:
    """What a method takes, by the first class that says so in words; None if there is no such method."""
    found = None
    for each in base.__mro__:
        if callable(method := vars(each).get(name)):
            found = inspect.signature(method).parameters
            if all(parameter.kind != parameter.VAR_KEYWORD for parameter in found.values()):
                break
    return found


def _parts(scheduler: Any) -> Iterator[str]:
    for name in HELD:
        if not hasattr(scheduler, name):
            yield f"the scheduler has no {name}"
    interface = RankedRequestQueue.__mro__[1]
    lacking = interface.__abstractmethods__ - set(dir(RankedRequestQueue))
    if lacking:
        yield f"{interface.__name__} demands {', '.join(sorted(lacking))}, which this package does not know"
    queues = {name for name, value in vars(scheduler).items() if isinstance(value, interface)}
    if "waiting" not in queues or not queues <= set(QUEUES):
        found = ", ".join(sorted(queues)) or "none"
        yield f"the scheduler's queues are {found}, but must be waiting and some of {', '.join(QUEUES[1:])}"
    manager = getattr(scheduler, "kv_cache_manager", None)
    if not callable(getattr(getattr(manager, "block_pool", None), "get_num_free_blocks", None)):
        yield "kv_cache_manager.block_pool.get_num_free_blocks cannot be called"
    policy = getattr(getattr(scheduler, "policy", None), "value", None)
    if policy != "fcfs":
        yield f"vLLM's own policy is {policy!r}, but must be 'fcfs'; leave out --scheduling-policy"
    yield from _asynchronous(scheduler)


def _asynchronous(scheduler: Any) -> Iterator[str]:
    wanted = bool(getattr(scheduler.scheduler_config, "async_scheduling", False))
    ours = any(each.__name__ == "AsyncScheduler" for each in type(scheduler).__mro__[1:])
    if wanted and not ours:
        yield (
            "the engine schedules asynchronously, which this class would switch off; "
            "use --scheduler-cls beforehand.integrations.vllm.AsyncScheduler"
        )
