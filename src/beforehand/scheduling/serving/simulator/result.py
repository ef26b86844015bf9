"""What a simulation of an engine returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.policies.policy import Policy


@final
@dataclass(frozen=True, eq=False)
class ServingResult:
    """What became of every conversation, and what every iteration did.

    Args:
        arrival: When each conversation came, in seconds; an entry for each, in the order of the trace.
        finish: When its last token was out.
        tool_seconds: What it spent in tool calls.
        first_token: When its first token was out.
        preemptions: How often it lost its place or its memory while it ran.
        recomputed: Tokens that had been computed before and were computed again.
        pace: The slowest mean time between two tokens of a segment of it; 0 if every segment has one token.
        end: When each iteration ended; an entry for each iteration, as in the following.
        new_tokens: Tokens of prompts and answers that it computed.
        decoding: Requests that it gave an answer's token.
        used_blocks: Blocks of the KV cache in use.
        gaps: Times between two tokens of a segment that was preempted between them.
        counts: Sums over the run, by name: cache hits, tool calls by handling, predictions and the like.
        slo: The limits that make a conversation good, by name; empty without any.
        policy: The order that was used, with numbers in place of "auto".

    Example:
        >>> from beforehand.core import Trace
        >>> from beforehand.scheduling.serving import FCFS, PROFILES, simulate
        >>> trace = Trace("requests", {"arrival": [0.0, 0.0], "prompt_tokens": [100, 50], "output_tokens": [20, 10]})
        >>> result = simulate(trace, profile=PROFILES["llama3-8b-a100-80g"], policy=FCFS())
        >>> len(result.end), int(result.new_tokens.sum())
        (20, 178)
    """

    arrival: NDArray[np.float64]
    finish: NDArray[np.float64]
    tool_seconds: NDArray[np.float64]
    first_token: NDArray[np.float64]
    preemptions: NDArray[np.int64]
    recomputed: NDArray[np.int64]
    pace: NDArray[np.float64]
    end: NDArray[np.float64]
    new_tokens: NDArray[np.int64]
    decoding: NDArray[np.int64]
    used_blocks: NDArray[np.int64]
    gaps: NDArray[np.float64]
    counts: Mapping[str, float]
    slo: Mapping[str, float]
    policy: Policy

    @property
    def latency(self) -> NDArray[np.float64]:
        """From arrival to the last token, in seconds."""
        return self.finish - self.arrival

    @property
    def net_latency(self) -> NDArray[np.float64]:
        """The same without tool calls."""
        return self.latency - self.tool_seconds

    @property
    def ttft(self) -> NDArray[np.float64]:
        """From arrival to the conversation's first token, in seconds."""
        return self.first_token - self.arrival

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which conversations kept all limits of `slo`."""
        return (self.ttft <= self.slo.get("ttft", np.inf)) & (self.pace <= self.slo.get("itl", np.inf))

    def summary(self) -> dict[str, float]:
        """The figures by which runs are compared; times in seconds.

        `mean_`, `p50_` and `p99_` of `latency` and `net_latency`; `ttft` and `p99_ttft`; `itl` and `p99_itl`, over all
        pairs of successive tokens of a segment; `utilisation`, the share of the time in which an iteration ran;
        `preemptions`, `recomputed_tokens`, `hit_tokens`; tool calls `preserved`, `discarded` and `swapped`; and with
        limits `goodput`, the share of good conversations, and `goodput_rate`, good ones per second.
        """
        figures: dict[str, float] = {}
        for name, values in (("latency", self.latency), ("net_latency", self.net_latency)):
            middle, late = np.quantile(values, [0.5, 0.99])
            figures |= {f"mean_{name}": values.mean(), f"p50_{name}": middle, f"p99_{name}": late}
        figures |= {"ttft": self.ttft.mean(), "p99_ttft": np.quantile(self.ttft, 0.99)}
        figures["itl"], figures["p99_itl"] = self._token_gaps()
        span = self.end[-1] - self.arrival[0]
        figures["utilisation"] = 1.0 - max(self.counts["idle_seconds"] - self.arrival[0], 0.0) / span
        figures["preemptions"] = self.preemptions.sum()
        figures["recomputed_tokens"] = self.recomputed.sum()
        figures |= {name: self.counts[name] for name in ("hit_tokens", "preserved", "discarded", "swapped")}
        if self.slo:
            figures |= {"goodput": self.good.mean(), "goodput_rate": self.good.sum() / span}
        return {name: float(value) for name, value in figures.items()}

    def _token_gaps(self) -> tuple[float, float]:
        """Mean and 99th percentile of the time between two tokens of a segment; 0 where no segment has two."""
        steps = np.diff(self.end, prepend=0.0)
        weights = np.concatenate((self.decoding, np.ones(len(self.gaps), np.int64)))
        times = np.concatenate((steps, self.gaps))
        total = int(weights.sum())
        if not total:
            return 0.0, 0.0
        order = np.argsort(times)
        place = np.searchsorted(np.cumsum(weights[order]), 0.99 * total)
        return float((weights * times).sum() / total), float(times[order[place]])
