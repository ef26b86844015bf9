#!/usr/bin/env bash
# A coroutine that stops waiting for ray.util.queue.Queue.get_async takes the next item along all the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check ray==2.60.0
cat >"$folder/run.py" <<'END'
import asyncio
import sys
from contextlib import suppress

import ray
from ray.util.queue import Empty, Queue


async def gives_up(queue):
    """Wait for half a second."""
    with suppress(TimeoutError):
        await asyncio.wait_for(getattr(queue, "get_async", queue.get)(), 0.5)


async def asyncios():
    queue = asyncio.Queue()
    await gives_up(queue)
    queue.put_nowait("item")
    return queue.get_nowait()


def rays(give_up):
    """What is put after somebody gave up, for the next who asks."""
    queue = Queue()
    give_up(queue)
    queue.put("item")
    with suppress(Empty):
        return queue.get(timeout=3)


def in_time(queue):
    with suppress(Empty):
        queue.get(timeout=0.5)


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
found = {
    "asyncio.Queue, asyncio.wait_for(get(), 0.5)": asyncio.run(asyncios()),
    "Ray's, get(timeout=0.5)": rays(in_time),
    "Ray's, asyncio.wait_for(get_async(), 0.5)": rays(lambda queue: asyncio.run(gives_up(queue))),
}
print(f"ray {ray.__version__}, Python {sys.version.split()[0]}: somebody waits at an empty queue in vain, then an item is put")
for waited, item in found.items():
    print(f"{waited:44} -> the next one gets {item or 'nothing: the item is gone'}")
print("""
To cancel the coroutine does not cancel its call, which is still in the queue's actor and takes the next item. So hand
get_async its own timeout instead of asyncio.timeout or wait_for, and expect to lose an item with a task you cancel.""")
sys.exit(0 if list(found.values()) == ["item", "item", None] else "THE BEHAVIOR HAS CHANGED")
END
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') "$folder/bin/python" -W ignore "$folder/run.py"
