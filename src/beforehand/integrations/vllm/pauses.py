"""The memory of conversations in tool calls: what an engine keeps, gives up and copies out, on vLLM's seams."""

import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final, final

from beforehand.integrations.vllm.calls import Call, Calls
from beforehand.integrations.vllm.connector import HostSwapConnector
from beforehand.integrations.vllm.growth import growth
from beforehand.integrations.vllm.pins import Named, Pin, Pins
from beforehand.integrations.vllm.request_order import RequestOrder
from beforehand.integrations.vllm.sessions import Sessions
from beforehand.integrations.vllm.tracked import Tracked
from beforehand.scheduling.memory_time import Action, wastes

SHARE: Final = 0.3  # of the pool that pins may hold
LONG_WAIT: Final = 1.0  # s that a request waits for memory before paused sessions lose theirs
SHORTEST: Final = 1e-3  # s between two questions about the same call


@final
class Pauses:
    """Carries out what `Calls` decides, for finished requests by pins and for streaming sessions in place.

    Args:
        scheduler: vLLM's scheduler, whose hooks call the methods.
        order: Its requests.
        calls: What decides.

    Guarantee:
        A request that runs is evicted only when nothing of a paused conversation is left that could go instead.
    """

    def __init__(self, scheduler: Any, order: RequestOrder, calls: Calls) -> None:
        self._scheduler, self._order = scheduler, order
        self.calls = calls
        connector = scheduler.connector
        self.host = connector if isinstance(connector, HostSwapConnector) else None
        self._pinning = connector is None or self.host is not None  # another connector may free the blocks itself
        pool = scheduler.kv_cache_manager.block_pool
        self._pool = pool
        self.pins = Pins(scheduler._free_request_blocks, budget=int(SHARE * pool.num_gpu_blocks))
        self.sessions = Sessions(scheduler, self.host)
        self._pinned: dict[Named, Call] = {}
        self._paused: dict[str, tuple[Call, Any]] = {}  # by request id: sessions that wait with their blocks
        self._since = math.nan  # s; since when the head has lacked memory
        order.came = self.came

    # Finished requests

    def came(self, tracked: Tracked) -> None:
        """A request or segment has come: perhaps what a tool returned."""
        self.pins.forget(tracked.request.request_id)
        self.calls.returned(tracked.place, self._order.clock())
        call = self._pinned.get(_named(tracked))
        if call is not None:
            call.until = call.again = math.inf  # its next step is near

    def finishing(self, request: Any, *, aborted: bool) -> bool:
        """Before vLLM frees a request that has finished: whether it must keep the blocks."""
        tracked = self._order.tracked.get(request.request_id)
        if tracked is None:
            return False
        name = _named(tracked)
        self._drop(name)
        if aborted or not name[1] or request.resumable:
            return False
        call = self._call(tracked, sure=False)
        if call is None:
            return False
        action, again = self.calls.decide(call, self._order.clock())
        blocks = self._scheduler.kv_cache_manager.get_block_ids(request.request_id)[0]
        if action == "preserve" and not (
            self._pinning and self.pins.keep(Pin(request, name, len(blocks), self._waste(call)))
        ):
            action = "discard"
        if action == "swap" and not (self.host is not None and self.host.swap_out(request, blocks, f"of {name}")):
            action = "discard"
        self.calls.counts[action] += 1
        if action != "preserve":
            return False
        call.again = call.view.now + again
        self._pinned[name] = call
        return True

    def finished(self, request: Any, *, kept: bool) -> None:
        """After it: vLLM forgets the request, though not the blocks."""
        if kept:
            self._scheduler.requests.pop(request.request_id, None)
        self._paused.pop(request.request_id, None)
        self.sessions.forget(request)

    def _call(self, tracked: Tracked, *, sure: bool) -> Call | None:
        now = self._order.clock()
        call = self.calls.begin(tracked.request, tracked.view, tracked.hints, now, sure=sure)
        if call is not None:
            assert call.view.tool is not None
            tracked.place.paused, tracked.place.tool = now, call.view.tool.name
            self._update_engine()
        return call

    def _drop(self, name: Named) -> None:
        """Free what is pinned of a conversation."""
        self.pins.release(name)
        self._pinned.pop(name, None)

    # Streaming sessions

    def stopping(self, request: Any) -> None:
        """Before vLLM handles a request that has stopped."""
        self.sessions.remember(request)

    def stopped(self, request: Any) -> None:
        """After it: a session that waits for input counts as one in a call."""
        self.sessions.stopped(request, self._decide)
        action = self.sessions.paused.get(request.request_id)
        if action is not None:
            self.calls.counts[action] += 1

    def _decide(self, session: Any) -> str:
        tracked = self._order.tracked.get(session.request_id)
        call = self._call(tracked, sure=True) if tracked is not None else None
        if call is None:
            return "preserve"
        action, again = self.calls.decide(call, self._order.clock())
        if action == "preserve":
            call.again = call.view.now + again
            self._paused[session.request_id] = (call, session)
        return action

    def resumed(self, session: Any) -> None:
        """After vLLM has appended a session's next input."""
        self._paused.pop(session.request_id, None)
        self.sessions.resumed(session)

    # Each step

    def before_step(self) -> None:
        """Ask again about what is due, and make room for those that run and for the first that waits."""
        if not self._pinned and not self._paused:
            return
        now = self._order.clock()
        for name in [name for name, call in self._pinned.items() if call.again <= now]:
            if self._ask_again(self._pinned[name], now) != "preserve":
                self._drop(name)
        for call, session in [pair for pair in self._paused.values() if pair[0].again <= now]:
            if (action := self._ask_again(call, now)) != "preserve":
                self._evict(session, action)
        missing = growth(self._scheduler) - self._pool.get_num_free_blocks()
        must, head = missing > 0, self._head()
        if head is not None:
            missing += self._needed(head)
        must |= self._waited(missing > 0, now) > LONG_WAIT or not self._scheduler.running
        if missing > 0:
            wanting = self._order.tracked.get(head.request_id) if head is not None else None
            spare = {_named(wanting)} if wanting is not None else set()
            missing -= self.pins.relieve(missing, now=now, spare=spare)
            for name in [name for name in self._pinned if name not in self.pins]:
                del self._pinned[name]
            if must:
                self._discard_sessions(missing)

    def after_step(self, admitted: Iterable[Tracked]) -> None:
        """vLLM has admitted these: what was kept for them is theirs now."""
        if self._pinned:
            for tracked in admitted:
                self._drop(_named(tracked))

    def release_pins(self) -> None:
        """Give back what is pinned."""
        for name in list(self._pinned):
            self._drop(name)

    def _head(self) -> Any:
        """The request that vLLM tries to admit first, None if it will admit nobody."""
        scheduler = self._scheduler
        slots = getattr(scheduler, "max_num_active_reqs", scheduler.max_num_running_reqs)
        if len(scheduler.running) + scheduler.num_waiting_for_streaming_input >= slots:
            return None
        for queue in (getattr(scheduler, "kv_holding_waiting", ()), scheduler.waiting):
            for request in chain([queue.peek_request()], queue) if queue else ():  # to iterate is to sort
                if request.status.name in ("WAITING", "PREEMPTED"):
                    return request
        return None

    def _ask_again(self, call: Call, now: float) -> Action:
        self._update_engine()
        action, again = self.calls.decide(call, now)
        call.again = now + max(again, SHORTEST)
        return action

    def _evict(self, session: Any, action: str) -> int:
        held = len(self._scheduler.kv_cache_manager.get_block_ids(session.request_id)[0])
        self._paused.pop(session.request_id, None)
        self.sessions.evict(session, action)
        return held

    def _discard_sessions(self, blocks: int) -> None:
        """Discard paused sessions, the largest first, until so many blocks are free."""
        sessions = [session for _, session in self._paused.values()]
        for session in sorted(sessions, key=lambda each: each.num_computed_tokens, reverse=True):
            if blocks > 0:
                blocks -= self._evict(session, "discard")

    def _waited(self, lacking: bool, now: float) -> float:
        if not lacking:
            self._since = math.nan
        elif self._since != self._since:
            self._since = now
        return now - self._since if lacking else 0.0

    def _needed(self, head: Any) -> int:
        """Free blocks without which vLLM does not admit a request: all of its context's but those in use by others."""
        scheduler = self._scheduler
        size = scheduler.block_size
        blocks = -(-head.num_tokens // size) + (scheduler.kv_cache_manager.watermark_blocks if scheduler.running else 0)
        if head.num_computed_tokens:
            return int(blocks - -(-head.num_computed_tokens // size))
        return int(blocks - self._shared(head))

    def _shared(self, head: Any) -> int:
        """Blocks of its context that are cached and in use, so that they need not be free."""
        scheduler = self._scheduler
        if not scheduler.cache_config.enable_prefix_caching:
            return 0
        every = scheduler.block_size // scheduler.hash_block_size
        count = 0
        for name in head.block_hashes[every - 1 : (head.num_tokens - 1) // scheduler.hash_block_size : every]:
            found = self._pool.get_cached_block(name, [0])
            if not found:
                break
            count += found[0].ref_cnt > 0
        return count

    def _waste(self, call: Call) -> Callable[[float], float]:
        """From a time to what keeping on wastes, less what eviction would; by what such calls take on average."""

        def waste(now: float) -> float:
            tool = call.view.tool
            assert tool is not None
            if call.until == math.inf:  # the call has returned
                return -math.inf
            elapsed = max(now - call.since, 0.0)
            left = call.claimed - elapsed
            if not left > 0:
                left = self.calls.durations.mean(tool.name, elapsed=elapsed)
            all_three = wastes(call.view.resident, left, self._order.engine)
            difference = float(all_three.preserve - all_three.discard)
            return difference if difference == difference else 0.0

        return waste

    def _update_engine(self) -> None:
        """What a handling sees of the engine, as it is now."""
        scheduler, engine = self._scheduler, self._order.engine
        decoding = sum(not request.is_prefill_chunk for request in scheduler.running)
        context = sum(request.num_computed_tokens for request in scheduler.running)
        engine.update(now=self._order.clock(), decoding=decoding, context_tokens=context)
        engine.free_tokens = self._pool.get_num_free_blocks() * scheduler.block_size
        engine.free_host_tokens = self.host.free_tokens if self.host is not None else 0


def _named(tracked: Tracked) -> Named:
    """What a client named the conversation of a request, if anything, beside its tenant's name."""
    return tracked.hints.tenant, tracked.hints.conversation
