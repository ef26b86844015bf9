"""Prometheus metrics of the plug-in, in the registry that vLLM's own are in.

vLLM's engine runs in a process of its own. Its metrics reach the server's page only through files: set
PROMETHEUS_MULTIPROC_DIR to an empty folder before the server starts.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, final

from prometheus_client import Counter, Gauge


@cache
def _gauge(name: str, text: str) -> Any:
    """One for each process, however many engines it has."""
    return Gauge(f"beforehand_{name}", text, ["engine"], multiprocess_mode="mostrecent")


@cache
def _counter(name: str, text: str, *labels: str) -> Any:
    return Counter(f"beforehand_{name}", text, ["engine", *labels])


GAUGES = {
    "policy_active": "1 while our order is in force, 0 while vLLM serves first come, first served",
    "probe_active": "1 while predictions of a probe arrive",
    "prediction_kendall_tau": "Kendall's tau of predicted and true lengths over the last 256 answers",
    "prediction_abs_error_tokens": "exponential mean of the error of predicted lengths",
    "prediction_trusted": "0 while predictions are left out of the order since they say nothing",
    "pinned_blocks": "blocks of the KV cache that are kept for conversations at a tool",
    "overtaken_seconds_max": "how much later than a waiting request another one came and was served before it, at most",
}
COUNTERS = {
    "forced_preemptions": "requests that lost their slot to a shorter one",
    "ignored_hints": "hints of clients that made no sense",
    "failed_predictions": "questions to which the predictor had no answer within 50 ms",
    "hook_seconds": "time that the plug-in took, in all its hooks",
}


@final
class Metrics:
    """The metrics of one engine."""

    def __init__(self, engine: int) -> None:
        self._engine = str(engine)
        self._gauges = {name: _gauge(name, text).labels(self._engine) for name, text in GAUGES.items()}
        self._counters = {name: _counter(name, text).labels(self._engine) for name, text in COUNTERS.items()}
        self._counted = dict.fromkeys(COUNTERS, 0.0)
        self._handlings = _counter("handling", "tool calls by what was done with the KV cache", "action")

    def set(self, **values: float) -> None:
        """Set gauges."""
        for name, value in values.items():
            self._gauges[name].set(value)

    def count(self, **totals: float) -> None:
        """Bring counters up to these totals of the engine."""
        for name, total in totals.items():
            more = total - self._counted[name]
            if more > 0:
                self._counters[name].inc(more)
                self._counted[name] = total

    def handled(self, totals: Mapping[str, int]) -> None:
        """Bring the counters of tool calls up to these totals, by what was done with the KV cache."""
        for action, total in totals.items():
            more = total - self._counted.get(action, 0.0)
            if more > 0:
                self._handlings.labels(self._engine, action).inc(more)
                self._counted[action] = total
