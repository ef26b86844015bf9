#!/usr/bin/env bash
# LiteLLM's router sends nothing to a deployment without a weight once another one has it, and its own priorities order nothing
# while any deployment is healthy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/bin/python" - <<'END'
import asyncio
import sys
from collections import Counter
from importlib.metadata import version

from litellm import Router
from litellm.scheduler import FlowItem, Scheduler


def deployment(base, **params):
    return {"model_name": "m", "litellm_params": {"model": "hosted_vllm/m", "api_base": base, "api_key": "x"} | params}


def sent(*deployments):
    """Where 400 requests go."""
    router = Router(model_list=list(deployments))
    chosen = (router.get_available_deployment(model="m", messages=[{"role": "user", "content": "x"}]) for _ in range(400))
    return Counter(each["litellm_params"]["api_base"] for each in chosen)


both = sent(deployment("http://a"), deployment("http://b"))
one = sent(deployment("http://a", weight=1), deployment("http://b"))
print(f"litellm {version('litellm')}: 400 requests to two deployments")
print(f"  neither has a weight: {dict(both)}")
print(f"  a has weight 1, b has none: {dict(one)}")


async def overtaken():
    """Whether a request of low priority may go while an urgent one waits and one deployment is healthy."""
    scheduler = Scheduler()
    for name, priority in (("urgent", 0), ("low", 200)):
        await scheduler.add_request(FlowItem(priority=priority, request_id=name, model_name="m"))
    low = FlowItem(priority=200, request_id="low", model_name="m")
    return await scheduler.poll(low, health_deployments=[{}]), await scheduler.poll(low, health_deployments=[])


healthy, none_healthy = asyncio.run(overtaken())
print(f"an urgent request waits; may one of low priority go?  one deployment healthy: {healthy}, none: {none_healthy}")
print("it means: give every deployment a weight or none, and do not rely on the router's priorities for an engine under load")
sys.exit(not (len(both) == 2 and set(one) == {"http://a"} and healthy and not none_healthy))
END
