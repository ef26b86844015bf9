#!/usr/bin/env bash
# LiteLLM's scheduler serves requests of equal priority by the text of a random id, not in the order in which they came.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/bin/python" - <<'END'
import asyncio
import random
import sys
import uuid
from importlib.metadata import version

from litellm.scheduler import FlowItem, Scheduler

MODEL = "a"
random.seed(0)


def request(begin=""):
    """One of priority 0, with an id as the router makes them."""
    drawn = str(uuid.UUID(int=random.getrandbits(128), version=4))
    return FlowItem(priority=0, request_id=begin + drawn[len(begin) :], model_name=MODEL)


async def turns(requests):
    """The place of each request in the order of its turns, while no deployment is free except for one at a time."""
    scheduler = Scheduler()
    waiting, served = [request() for _ in range(requests)], []
    for each in waiting:
        await scheduler.add_request(each)
    order = {each.request_id: place for place, each in enumerate(waiting)}
    while waiting:
        for each in waiting:
            if await scheduler.poll(each, health_deployments=[]):
                served.append((order[each.request_id], each.request_id))
                waiting.remove(each)
                break
    return served


served = asyncio.run(turns(8))
places = [place for place, _ in served]
print(f"litellm {version('litellm')}: eight requests of priority 0, in the order of their turns")
for place, each in served:
    print(f"  came as number {place + 1}   id {each[:8]}...")


async def last_of(requests):
    """How many requests that came later go before the first one, whose id happens to be large."""
    scheduler = Scheduler()
    first, passed = request("ffff"), 0
    await scheduler.add_request(first)
    for _ in range(requests):  # one comes for each one that goes
        later = request()
        await scheduler.add_request(later)
        if await scheduler.poll(first, health_deployments=[]):
            break
        passed += await scheduler.poll(later, health_deployments=[])
    return passed


passed = asyncio.run(last_of(1000))
print(f"a request whose id begins with ffff, while one comes for each that goes: {passed:,} of 1,000 later ones pass it")
print("""
The heap holds (priority, request_id), and the id is a UUID. Where most requests have the same priority, which of them waits
longest is a matter of luck, and while requests keep coming an unlucky one waits without a bound. If order matters, put the
time of arrival into the priority, or queue the requests yourself before they reach the router.""")
same = places != sorted(places) and [each for _, each in served] == sorted(each for _, each in served) and passed > 900
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
