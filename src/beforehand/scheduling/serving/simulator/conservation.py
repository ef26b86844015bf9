"""What must hold after every simulation, whatever the policy."""

import math

from beforehand.scheduling.serving.simulator.request import Requests
from beforehand.scheduling.serving.simulator.scheduler import Scheduler


def check_conservation(scheduler: Scheduler, requests: Requests) -> None:
    """Raise unless requests, tokens, memory and time add up.

    Checked are: every conversation ends once and after it arrived; no block is left in use and no host memory; the
    tokens computed are those of the trace, and those computed again, less those found in the cache or on the host; the
    integral of the number in the system is the sum of the times spent there (Little); the integral of the used blocks
    is what was held for how long.

    Raises:
        RuntimeError: one of these does not hold, which is a mistake in this library.
    """
    totals, pool = scheduler.totals, scheduler.pool
    stays = [finish - arrival for finish, arrival in zip(totals.finish, requests.arrival.tolist(), strict=True)]
    if not all(stay > 0 for stay in stays):
        raise RuntimeError("conservation: a conversation has not ended, or ended before it came")
    if (
        pool.used
        or scheduler.batch.running
        or len(scheduler.waiting)
        or scheduler.admission.returns
        or scheduler.pauses.holders
    ):
        raise RuntimeError(f"conservation: {pool.used} blocks are in use although all conversations have ended")
    if scheduler.host.free != scheduler.limits.host_tokens:
        raise RuntimeError(
            f"conservation: {scheduler.limits.host_tokens - scheduler.host.free} tokens stay on the host"
        )
    asked = int(requests.prompt.sum() + requests.output.sum() + requests.returned.sum())
    asked += requests.calls - len(requests.output) + scheduler.pauses.lost - totals.cache_hits - totals.host_loads
    computed = sum(totals.new_tokens)
    if computed != asked:
        raise RuntimeError(f"conservation: {computed} tokens were computed, but {asked} had to be")
    _agree("Little", totals.presence, math.fsum(stays), scheduler.now * len(stays))
    _agree("blocks", totals.block_seconds, pool.moments, scheduler.now * pool.blocks)


def _agree(name: str, first: float, second: float, scale: float) -> None:
    """Two sums of floats are the same, but for rounding at the scale of what was added."""
    if not math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-9 * scale):
        raise RuntimeError(f"conservation ({name}): {first} and {second} should be the same")
