"""vLLM's schedulers with an order of our own: `--scheduler-cls beforehand.integrations.vllm.AsyncScheduler`.

Only the methods that seams.md lists are overridden, and each calls vLLM's own; `schedule` is never copied. Where this
vLLM is not one that `compat` knows, or once any of our code has failed, the engine runs as if this package were absent.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, final

from vllm import __version__
from vllm.v1.core.sched.async_scheduler import AsyncScheduler as VllmAsyncScheduler
from vllm.v1.core.sched.request_queue import create_request_queue
from vllm.v1.core.sched.scheduler import Scheduler as VllmScheduler

from beforehand.integrations.vllm import compat
from beforehand.integrations.vllm.growth import growth, takes_all, victims
from beforehand.integrations.vllm.pauses import Pauses
from beforehand.integrations.vllm.queue import RankedRequestQueue
from beforehand.integrations.vllm.report import LOGGER, probe_off
from beforehand.integrations.vllm.request_order import RequestOrder
from beforehand.integrations.vllm.sessions import Sessions
from beforehand.integrations.vllm.settings import STRICT
from beforehand.integrations.vllm.start import new_order, new_pauses
from beforehand.integrations.vllm.telemetry import Telemetry
from beforehand.scheduling.serving.ordering.preemption import select_victims

ABORTED: Final = "FINISHED_ABORTED"


class PolicyMixin:
    """The order of `scheduling.serving` in front of one of vLLM's scheduler classes."""

    order: RequestOrder | None = None  # None: vLLM's own first come, first served
    pauses: Pauses | None = None  # None: what vLLM does with memory during tool calls
    evicted: Sessions | None = None  # once we have given up: those whose blocks we took, which vLLM does not know
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._take_over()

    def schedule(self, *args: Any, **kwargs: Any) -> Any:
        """Prepare the queue and the running requests, then let vLLM schedule."""
        active = self.order is not None and not getattr(self, "pause_state", 0)
        if active:
            self._guarded(self._before_schedule)
        output = super().schedule(*args, **kwargs)  # type: ignore[misc]
        if active:
            self._guarded(self._after_schedule, output)
        return output

    def update_from_output(self, scheduler_output: Any, model_runner_output: Any) -> Any:
        """Take the predictions that the worker has put into the output."""
        self._guarded(self._before_update, model_runner_output)
        outputs = super().update_from_output(scheduler_output, model_runner_output)  # type: ignore[misc]
        self._guarded(self._after_update, scheduler_output)
        return outputs

    def shutdown(self) -> None:
        """Write what was recorded, then let vLLM shut down."""
        self._guarded(self.telemetry.close)
        super().shutdown()  # type: ignore[misc]

    def _preempt_request(self, request: Any, *args: Any, **kwargs: Any) -> None:
        self._guarded(self._before_preemption, request)
        super()._preempt_request(request, *args, **kwargs)  # type: ignore[misc]

    def _handle_stopped_request(self, request: Any) -> Any:
        self._guarded(self._before_stop, request)
        stopped = super()._handle_stopped_request(request)  # type: ignore[misc]
        self._guarded(self._after_stop, request)
        return stopped

    def _update_request_as_session(self, session: Any, update: Any) -> None:
        super()._update_request_as_session(session, update)  # type: ignore[misc]
        self._guarded(self._after_session_update, session)
        if self.evicted is not None:
            self.evicted.resumed(session)

    def reset_prefix_cache(self, *args: Any, **kwargs: Any) -> Any:
        """Free what is pinned, which would count as in use, and reset."""
        self._guarded(self._before_reset)
        return super().reset_prefix_cache(*args, **kwargs)  # type: ignore[misc]

    def _free_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        kept = not args and not kwargs.get("delay_free_blocks") and self._guarded(self._before_free, request)
        if kept:
            kwargs["delay_free_blocks"] = True
        freed = super()._free_request(request, *args, **kwargs)  # type: ignore[misc]
        self._guarded(self._after_free, request, bool(kept))
        if self.evicted is not None:
            self.evicted.forget(request)
        return freed

    # What is ours, each run by `_guarded`.

    def _before_schedule(self, order: RequestOrder) -> None:
        scheduler: Any = self
        order.begin_step(scheduler.waiting, scheduler.running)
        if order.settings.cap:
            self._cap(order.settings.cap)
        if order.live.can_preempt and scheduler.waiting:
            slots = self._slots() - len(scheduler.running) - scheduler.num_waiting_for_streaming_input
            if slots <= 0:
                self._preempt_for_head(order)
        if self.pauses is not None:
            self.pauses.before_step()
        if self._memory_is_short():
            self._evict_last(order, order.arrange(scheduler.running, partial(victims, scheduler)))

    def _after_schedule(self, order: RequestOrder, output: Any) -> None:
        scheduler: Any = self
        admitted = order.end_step(output.num_scheduled_tokens, scheduler.requests)
        if self.pauses is not None:
            self.pauses.after_step(admitted)
        self.telemetry.flush(order, self.pauses)

    def _before_update(self, order: RequestOrder, model_runner_output: Any) -> None:
        predictions = getattr(model_runner_output, "beforehand", None)
        if predictions:
            order.refined(predictions)

    def _after_update(self, order: RequestOrder, scheduler_output: Any) -> None:
        if scheduler_output.total_num_scheduled_tokens:
            order.updated()

    def _before_preemption(self, order: RequestOrder, request: Any) -> None:
        order.preempted(request)

    def _before_stop(self, order: RequestOrder, request: Any) -> None:
        if request.resumable:  # a streaming session, whose next input clears this answer
            order.ended(request, aborted=False, paused=True)
        if self.pauses is not None:
            self.pauses.stopping(request)

    def _after_stop(self, order: RequestOrder, request: Any) -> None:
        if self.pauses is not None:
            self.pauses.stopped(request)

    def _after_session_update(self, order: RequestOrder, session: Any) -> None:
        order.new_segment(session)
        if self.pauses is not None:
            self.pauses.resumed(session)
        for queue in self._ranked_queues():
            if session in queue:
                queue.add_request(session)

    def _before_reset(self, order: RequestOrder) -> None:
        if self.pauses is not None:
            self.pauses.release_pins()

    def _before_free(self, order: RequestOrder, request: Any) -> bool:
        return self.pauses is not None and self.pauses.finishing(request, aborted=request.status.name == ABORTED)

    def _after_free(self, order: RequestOrder, request: Any, kept: bool) -> None:
        if self.pauses is not None:
            self.pauses.finished(request, kept=kept)
        order.ended(request, aborted=request.status.name == ABORTED)

    def _preempt_for_head(self, order: RequestOrder) -> None:
        """Take the slot of at most one running request for the first that waits."""
        scheduler: Any = self
        head = scheduler.waiting.peek_request()
        if head.status.name not in ("WAITING", "PREEMPTED"):
            return
        policy, first = order.live.policy, order.view(head)
        if order.bound.excludes(policy, first):
            return
        able = self._that_may_go(scheduler.running)
        views = [order.view(request) for request in able]
        chosen = select_victims(
            policy,
            first,
            views,
            free_slots=0,
            margin=order.settings.margin,
            max_preemptions=order.settings.max_preemptions,
        )
        # With speculation a step has more than one token of a request, which the bound does not reckon with.
        if not chosen and len(able) == len(scheduler.running) and not getattr(scheduler, "num_spec_tokens", 0):
            order.bound.looked(policy, views)
        for victim in chosen:
            order.forced_preemptions += 1
            self._preempt(next(request for request, view in zip(able, views, strict=True) if view is victim))

    def _evict_last(self, order: RequestOrder, count: int) -> None:
        """Evict the last `count`, if a prompt before them takes all tokens: vLLM would never come to them.

        They would keep their memory and get no token. Where tokens are left, vLLM evicts them itself.
        """
        scheduler: Any = self
        stay = len(scheduler.running) - count
        if count and takes_all(scheduler, scheduler.running[:stay]):
            for request in reversed(self._that_may_go(scheduler.running[stay:])):
                self._preempt(request)

    def _preempt(self, request: Any) -> None:
        scheduler: Any = self
        scheduler.running.remove(request)
        scheduler._preempt_request(request, time.monotonic())

    def _that_may_go(self, requests: list[Any]) -> list[Any]:
        """Those that can be preempted now: no output of them is on its way that vLLM could not drop."""
        if requests and not hasattr(requests[0], "num_stale_output_tokens"):
            requests = [request for request in requests if not request.num_output_placeholders]
        can_be_freed = getattr(self, "_request_blocks_can_be_freed", None)
        return requests if can_be_freed is None else [request for request in requests if can_be_freed(request)]

    def _slots(self) -> int:
        scheduler: Any = self
        return int(getattr(scheduler, "max_num_active_reqs", None) or scheduler.max_num_running_reqs)

    def _cap(self, cap: int) -> None:
        """Let `cap` requests run beside the paused sessions, which hold slots too."""
        scheduler: Any = self
        paused = scheduler.num_waiting_for_streaming_input
        if hasattr(scheduler, "max_num_active_reqs"):
            scheduler.max_num_active_reqs = min(scheduler.max_num_running_reqs, cap + paused)
        else:
            slots = scheduler.scheduler_config.max_num_seqs
            scheduler.max_num_running_reqs = min(slots, max(cap, len(scheduler.running)) + paused)

    def _memory_is_short(self) -> bool:
        """Whether vLLM will have to evict somebody in this step."""
        scheduler: Any = self
        free = scheduler.kv_cache_manager.block_pool.get_num_free_blocks()
        most = 2 * len(scheduler.running) + scheduler.max_num_scheduled_tokens // scheduler.block_size
        return len(scheduler.running) > 1 and free < most and free < growth(scheduler)

    def _ranked_queues(self) -> list[RankedRequestQueue]:
        return [each for name in compat.QUEUES if isinstance(each := getattr(self, name, None), RankedRequestQueue)]

    # To begin, and to give up.

    def _take_over(self) -> None:
        """Put our queues in the place of vLLM's, if all is as it must be; else say why not, and leave it alone."""
        scheduler: Any = self
        strict = os.environ.get(STRICT) == "1"
        self.telemetry = Telemetry(getattr(scheduler.parallel_config, "data_parallel_index", 0))
        order, pauses = None, None
        try:
            problems = compat.mismatches(scheduler)
            if not problems:
                order = new_order(self)
                pauses = new_pauses(scheduler, order)
        except Exception as error:  # bad settings, or something that compat has overlooked
            problems = [str(error) or repr(error)]
        if problems or order is None:
            self.telemetry.not_active(problems, strict=strict)
            return
        self.order, self.pauses = order, pauses
        for name in compat.QUEUES:
            if hasattr(scheduler, name):
                setattr(scheduler, name, RankedRequestQueue(order))
        self.telemetry.active(order)
        if __version__ not in compat.TESTED:
            LOGGER.warning("beforehand is tested with vLLM %s, but this is %s", ", ".join(compat.TESTED), __version__)
        if order.settings.probe and "ProbeWorker" not in str(scheduler.parallel_config.worker_cls):
            probe_off("the worker asks none; start with --worker-cls beforehand.integrations.vllm.ProbeWorker")

    def _guarded(self, hook: Callable[..., Any], *args: Any) -> Any:
        """Run one of our own methods; should it fail, hand everything back to vLLM."""
        order = self.order
        if order is None:
            return None
        began = time.perf_counter()
        try:
            return hook(order, *args)
        except Exception as error:
            self._give_up(error)
            return None
        finally:
            self.telemetry.hook_seconds += time.perf_counter() - began

    def _give_up(self, error: Exception) -> None:
        """From here on vLLM's own first come, first served."""
        scheduler: Any = self
        self.order = None
        self.telemetry.failed(error)
        for name in compat.QUEUES:
            ranked = getattr(scheduler, name, None)
            if isinstance(ranked, RankedRequestQueue):
                stock = create_request_queue(scheduler.policy)
                for request in sorted(ranked.unordered(), key=lambda each: each.arrival_time):
                    stock.add_request(request)
                setattr(scheduler, name, stock)
        if self.pauses is not None:
            self.evicted = self.pauses.sessions
            self.pauses.release_pins()
            self.pauses = None


@final
class Scheduler(PolicyMixin, VllmScheduler):  # type: ignore[misc, unused-ignore]
    """For engines that schedule synchronously, as on CPUs."""


@final
class AsyncScheduler(PolicyMixin, VllmAsyncScheduler):  # type: ignore[misc, unused-ignore]
    """For engines that schedule asynchronously, vLLM's default on GPUs."""
