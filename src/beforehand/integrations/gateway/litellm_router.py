"""What LiteLLM's router does to an order that was made in front of it or behind it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

log = logging.getLogger("beforehand.gateway")


def check_router(router: Any) -> list[str]:
    """Warn of settings of a LiteLLM router under which requests are not served as one would expect.

    Two are known, seen in litellm 1.110: where one deployment of a model has a `weight`, one without it counts as 0 and
    gets no requests; and the router's own `priority` orders requests only while no deployment is healthy, so that under
    load it does nothing. For the second, send requests on through a gateway and let the engine order them.

    Args:
        router: A `litellm.Router`, its settings as a mapping, or only its `model_list`.

    Returns:
        The warnings, each a sentence, which are also logged; empty if all is well.

    Example:
        >>> check_router([
        ...     {"model_name": "m", "litellm_params": {"model": "hosted_vllm/m", "api_base": "http://a", "weight": 2}},
        ...     {"model_name": "m", "litellm_params": {"model": "hosted_vllm/m", "api_base": "http://b"}},
        ... ])
        ['model m: http://b has no weight, which LiteLLM reads as 0, so that it gets no requests; give it one']
    """
    if isinstance(router, Sequence) and not isinstance(router, str):
        deployments, priority = router, None
    elif isinstance(router, Mapping):
        deployments, priority = router.get("model_list") or (), router.get("default_priority")
    else:
        deployments, priority = getattr(router, "model_list", None) or (), getattr(router, "default_priority", None)
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for each in deployments:
        params = each.get("litellm_params") if isinstance(each, Mapping) else None
        if isinstance(params, Mapping):
            by_model.setdefault(str(each.get("model_name")), []).append(params)
    warnings = []
    for model, group in by_model.items():
        for metric in ("weight", "rpm", "tpm"):  # the router takes the first of these that anybody has
            if any(params.get(metric) for params in group):
                warnings += [
                    f"model {model}: {_name(params)} has no {metric}, which LiteLLM reads as 0, so that it gets no "
                    "requests; give it one"
                    for params in group
                    if not params.get(metric)
                ]
                break
    if priority is not None:
        warnings.append(
            f"default_priority is {priority}, but LiteLLM orders by priority only while no deployment is healthy; "
            "drop it, and let the engine order by that of the gateway"
        )
    for warning in warnings:
        log.warning(warning)
    return warnings


def _name(params: Mapping[str, Any]) -> str:
    return str(params.get("api_base") or params.get("model"))
