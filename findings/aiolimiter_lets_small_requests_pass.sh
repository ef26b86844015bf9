#!/usr/bin/env bash
# aiolimiter wakes the smallest waiting request first: a large one waits for as long as small ones keep coming.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check aiolimiter==1.3.0
"$folder/bin/python" - <<'END'
import asyncio
import sys
import time
from importlib.metadata import version

from aiolimiter import AsyncLimiter

RATE, LARGE, CALLERS, SECONDS = 200, 100, 20, 5.0  # tokens a second, of the large request, small callers, how long


async def main():
    limiter = AsyncLimiter(RATE, 1)
    await limiter.acquire(RATE)  # what a burst has left
    begun = time.monotonic()
    small = 0

    async def caller():
        nonlocal small
        while time.monotonic() - begun < SECONDS:
            await limiter.acquire(1)
            small += 1

    async def large():
        await limiter.acquire(LARGE)
        return time.monotonic() - begun

    first = asyncio.create_task(large())
    await asyncio.sleep(0)  # it is the first to wait
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return await first, small


waited, small = asyncio.run(main())
print(f"aiolimiter {version('aiolimiter')}: {RATE} tokens a second; a request for {LARGE} comes first, then {CALLERS} callers")
print(f"that ask for 1 at a time, for {SECONDS:g} s. In order of arrival it would wait {LARGE / RATE:g} s.")
print(f"it waited {waited:.1f} s, and {small:,} small requests passed it")
print("""
Waiting requests are woken by their amount, not by their arrival, and there is no limit to how often one is passed. Where
amounts are tokens of a prompt, the long prompts of a busy service never get through. If that matters, let one task take
requests from a queue in the order you want and acquire for each in turn; that order then needs a bound on waiting.""")
sys.exit(0 if waited > SECONDS and small > 0.8 * RATE * SECONDS else "THE BEHAVIOR HAS CHANGED")
END
