"""What the plug-in says in vLLM's log and in its metrics."""

import contextlib
import signal
import time
from collections.abc import Sequence
from typing import Final, final

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm.metrics import Metrics
from beforehand.integrations.vllm.pauses import Pauses
from beforehand.integrations.vllm.report import LOGGER
from beforehand.integrations.vllm.request_order import RequestOrder

EVERY: Final = 0.5  # s between two updates of the metrics
OFF: Final = "beforehand is off, and vLLM serves first come, first served: %s"


@final
class Telemetry:
    """The log lines and metrics of one engine."""

    def __init__(self, engine: int) -> None:
        self.metrics = Metrics(engine)
        self.hook_seconds = 0.0
        self._flushed = 0.0
        self._trusted = True

    def active(self, order: RequestOrder) -> None:
        """Our order is in force."""
        self.metrics.set(policy_active=1, probe_active=0, prediction_trusted=1, overtaken_seconds_max=0)
        LOGGER.info("beforehand orders the requests by %s", order.live.policy)
        if order.recording is not None:
            recording = order.recording
            recording.write_now_and_then()
            with contextlib.suppress(ValueError):  # signals are for the main thread
                signal.signal(signal.SIGUSR2, lambda number, frame: recording.write())

    def not_active(self, problems: Sequence[str], *, strict: bool) -> None:
        """The engine stays as it is, for these reasons.

        Raises:
            InvalidInput: the user wants no engine rather than a stock one.
        """
        self.metrics.set(policy_active=0, probe_active=0)
        text = "; ".join(problems)
        if strict:
            raise InvalidInput(
                f"beforehand cannot order the requests of this engine, and BEFOREHAND_STRICT is 1: {text}"
            )
        LOGGER.error(OFF, text)

    def failed(self, error: Exception) -> None:
        """Our own code has failed while the engine runs."""
        self.metrics.set(policy_active=0, probe_active=0)
        LOGGER.error(OFF, f"our own code has failed ({error})", exc_info=error)

    def flush(self, order: RequestOrder, pauses: Pauses | None) -> None:
        """Bring the metrics up to date, at most twice a second."""
        now = time.monotonic()
        if now - self._flushed < EVERY:
            return
        self._flushed = now
        forecasts, canary = order.forecasts, order.forecasts.canary
        self.metrics.set(
            prediction_kendall_tau=canary.tau,
            prediction_abs_error_tokens=forecasts.mean_error,
            prediction_trusted=float(canary.trusted),
            overtaken_seconds_max=order.overtaking.most,
            probe_active=float(order.refinements > 0),
        )
        self.metrics.count(
            forced_preemptions=order.forced_preemptions,
            ignored_hints=order.ignored_hints,
            failed_predictions=forecasts.failures,
            hook_seconds=self.hook_seconds,
        )
        if pauses is not None:
            self.metrics.set(pinned_blocks=pauses.pins.held)
            self.metrics.handled(pauses.calls.counts)
        if canary.trusted != self._trusted:
            self._trusted = canary.trusted
            now_or_not = "again orders by predictions" if canary.trusted else "leaves predictions out of the order"
            LOGGER.warning("beforehand %s: their Kendall tau is %.2f", now_or_not, canary.tau)

    def close(self, order: RequestOrder) -> None:
        """The engine stops."""
        self._flushed = 0.0
        self.flush(order, None)
        if order.recording is not None:
            written = order.recording.write()
            LOGGER.info("beforehand wrote %s", ", ".join(map(str, written)) or "nothing")
