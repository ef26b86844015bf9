"""Streaming sessions between two turns: blocks kept, given up, or copied out."""

from collections.abc import Callable
from typing import Any, Protocol, final

from vllm.v1.request import RequestStatus


class HostTier(Protocol):
    """A connector that can hold blocks outside the device, such as `HostSwapConnector`."""

    def swap_out(self, request: Any, block_ids: list[int], owner: str) -> bool:
        """Take copies of the request's full blocks before they are overwritten; False where they do not fit."""


@final
class Sessions:
    """What happens to the blocks of a scheduler's streaming sessions while they wait for their next input.

    vLLM keeps them: the session stays in its queue of requests that hold blocks, at the place it left off. Giving the
    blocks up takes two steps, since the next input makes vLLM cut the context at the computed tokens: the blocks go
    when the session pauses, the count of computed tokens when the input has come.

    Args:
        scheduler: vLLM's scheduler, on whose seams the methods are called.
        host: Where to copy blocks, None if nowhere.

    Guarantee:
        `paused` holds exactly the sessions that wait for input, each with its action.
    """

    def __init__(self, scheduler: Any, host: HostTier | None = None) -> None:
        self._scheduler = scheduler
        self._host = host
        self.paused: dict[str, str] = {}  # request id -> "preserve" | "discard" | "swap"
        self._arrivals: dict[str, float] = {}

    def remember(self, request: Any) -> None:
        """Before vLLM handles a request that stopped: the next input will overwrite its arrival."""
        if request.resumable:
            self._arrivals.setdefault(request.request_id, request.arrival_time)

    def stopped(self, request: Any, decide: Callable[[Any], str]) -> None:
        """After vLLM has handled a request that stopped: if it is a session that now waits, do what `decide` says."""
        if request.status == RequestStatus.WAITING_FOR_STREAMING_REQ:
            self.paused[request.request_id] = "preserve"
            self.evict(request, decide(request))

    def evict(self, request: Any, action: str) -> None:
        """Give up the blocks of a paused session that still has them; what cannot be copied out is discarded."""
        name, scheduler = request.request_id, self._scheduler
        if action == "preserve" or self.paused.get(name) != "preserve":
            return
        if action == "swap":
            blocks = scheduler.kv_cache_manager.get_block_ids(name)[0]
            action = "swap" if self._host is not None and self._host.swap_out(request, blocks, name) else "discard"
        scheduler._free_request_blocks(request)
        scheduler.reset_preempted_req_ids.add(name)  # the worker drops its block table
        self.paused[name] = action

    def resumed(self, session: Any) -> None:
        """After vLLM has appended the next input: what has no blocks waits like a new request, at its first arrival."""
        name, scheduler = session.request_id, self._scheduler
        session.arrival_time = self._arrivals.get(name, session.arrival_time)
        if self.paused.pop(name, "preserve") == "preserve":
            return
        session.num_computed_tokens = 0
        for queue in ("kv_holding_waiting", "skipped_waiting"):  # from 0.32 on, and before
            if hasattr(scheduler, queue):
                getattr(scheduler, queue).remove_requests([session])
        getattr(scheduler, "deferred_waiting", set()).discard(session)
        scheduler.waiting.add_request(session)

    def forget(self, request: Any) -> None:
        """The session is over."""
        self.paused.pop(request.request_id, None)
        self._arrivals.pop(request.request_id, None)
