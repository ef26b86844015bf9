"""How long a tool call will still take, given how long it has taken."""

from __future__ import annotations

import math
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, kind_of
from beforehand.scheduling.serving.predictors.lifetimes import BELOW_INFINITY, Lifetimes, LifetimesByName, within

RECENT: Final = 512  # durations kept of each tool
PRIOR_SECONDS: Final = 1.0  # the mean before anything is known, of an exponential distribution
EVERY: Final = ""  # the name under which all tools are counted together; no tool may have it


@final
class ToolDurations:
    """Durations of tool calls, by tool, and what is left of a call that has run for some time.

    A tool speaks for itself from 8 calls on; before that its class does, which is its name up to the first colon
    (`search` for `search:web`), then all tools together, then an exponential distribution of mean 1 s. The last 512
    calls of each count.

    Guarantee:
        Answers are those of the recorded calls that took longer than `elapsed`. Where fewer than 5 did, or `elapsed`
        lies beyond their 99 % quantile, a Pareto tail answers, so that a hung call is expected to hang on: the mean is
        never counted down.

    Cost:
        `observe` 3 µs; a question 1 µs, and 50 µs after a new call of that tool. Memory for at most 4,096 tools.

    Example:
        >>> durations = ToolDurations()
        >>> for seconds in (1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 9.0, 9.0, 9.0, 9.0):
        ...     durations.observe("search", seconds)
        >>> durations.mean("search"), durations.mean("search", elapsed=2.0)
        (5.0, 4.428571428571429)
        >>> durations.survival("search", 2.0), durations.quantile("search", 0.5)
        (0.7, 3.0)
    """

    __slots__ = ("_all", "_classes", "_tools")

    def __init__(self) -> None:
        self._tools = LifetimesByName(RECENT)
        self._classes = LifetimesByName(RECENT)
        self._all = LifetimesByName(RECENT)

    def observe(self, tool: str, seconds: float, *, timed_out: bool = False) -> None:
        """Note how long a call took.

        Args:
            tool: Its name.
            seconds: From the call to the return, at least 0.
            timed_out: Whether it was given up after that time; then it does not count for the tail.

        Raises:
            InvalidInput: `seconds` is negative, nan or above 1e100.
        """
        kind_of("tool", tool, str, "the name of the tool")
        seconds = checked("seconds", seconds)
        self._tools.add(tool, seconds, cut=timed_out)
        self._classes.add(tool.partition(":")[0], seconds, cut=timed_out)
        self._all.add(EVERY, seconds, cut=timed_out)

    def mean(self, tool: str, *, elapsed: float = 0.0) -> float:
        """The mean of what is left of a call, in seconds.

        Raises:
            InvalidInput: `elapsed` is negative or nan.
        """
        known = self._known(tool, elapsed)
        return known.mean(elapsed) if known else PRIOR_SECONDS

    def survival(self, tool: str, t: float, *, elapsed: float = 0.0) -> float:
        """The probability that a call runs for longer than `t` seconds from now.

        Raises:
            InvalidInput: `t` or `elapsed` is negative or nan.
        """
        known = self._known(tool, elapsed)
        t = checked("t", t)
        return known.survival(t, elapsed) if known else math.exp(-t / PRIOR_SECONDS)

    def quantile(self, tool: str, p: float, *, elapsed: float = 0.0) -> float:
        """The time from now within which a call returns with probability `p`, in seconds.

        Raises:
            InvalidInput: `p` is not from 0 to 1; `elapsed` is negative or nan.
        """
        known = self._known(tool, elapsed)
        p = checked("p", p, most=1.0)
        if known:
            return known.quantile(p, elapsed)
        return -PRIOR_SECONDS * math.log1p(-p) if p < 1 else math.inf

    def best_ttl(self, tool: str, *, hold_per_second: float, evict_cost: float, elapsed: float = 0.0) -> float:
        """How long from now to keep the memory of a paused request before it is evicted, in seconds.

        Args:
            tool: The tool that it waits for.
            hold_per_second: What a second of keeping costs.
            evict_cost: What an eviction costs, in the same unit.
            elapsed: How long the call has run.

        Guarantee:
            The expected cost, `hold_per_second * E[min(T, ttl)] + P(T > ttl) * evict_cost`, is the least possible on
            the recorded calls of the tool or its class; 0 evicts at once. With fewer than 8 of them the answer is what
            is left of `evict_cost / hold_per_second`, which costs at most twice as much as if the duration were known.

        Cost:
            Time linear in the number of recorded calls, at most 512.

        Raises:
            InvalidInput: an argument is negative or nan.
        """
        elapsed = checked("elapsed", elapsed)
        hold, evict = checked("hold_per_second", hold_per_second), checked("evict_cost", evict_cost)
        if hold == math.inf and evict == math.inf:
            raise InvalidInput("hold_per_second and evict_cost are both inf, but one of them must be finite")
        if not hold or hold == math.inf:
            return 0.0 if hold else math.inf
        known = self._tools.get(tool) or self._classes.get(tool.partition(":")[0])
        if known is None:
            return max(evict / hold - elapsed, 0.0)
        index = known.tail(elapsed)
        if index == index:  # the chance of an end falls as 1 / age: keep as long as it pays
            return max(index * evict / hold - elapsed, 0.0)
        return best_ttl(known.left(elapsed), hold_per_second=hold, evict_cost=evict)

    def _known(self, tool: str, elapsed: float) -> Lifetimes | None:
        if not within(elapsed, BELOW_INFINITY):
            raise InvalidInput(f"elapsed is {elapsed!r}, but must be a finite number of seconds, at least 0")
        return self._tools.get(tool) or self._classes.get(tool.partition(":")[0]) or self._all.get(EVERY)


def best_ttl(left: NDArray[np.float64], *, hold_per_second: float, evict_cost: float) -> float:
    """The time to live of least expected cost on a sample.

    Args:
        left: Durations in ascending order, at least one.
        hold_per_second: What a second of keeping costs.
        evict_cost: What an eviction costs.

    Example:
        >>> best_ttl(np.array([0.1, 0.2, 0.3, 0.4, 5.0, 6.0]), hold_per_second=1000.0, evict_cost=700.0)
        0.4
    """
    times = np.concatenate(([0.0], left))
    return float(times[expected_costs(times, left, hold_per_second, evict_cost).argmin()])


def expected_costs(
    times: NDArray[np.float64],
    left: NDArray[np.float64],
    hold_per_second: float,
    evict_cost: float,
) -> NDArray[np.float64]:
    """The expected cost of each time to live on a sample in ascending order; linear between two values of it."""
    ended = np.searchsorted(left, times, side="right")
    sums = np.concatenate(([0.0], np.cumsum(left)))
    later = len(left) - ended
    # Where nothing comes later, an infinite time or cost counts for nothing.
    held, evicted = (np.multiply(later, of, out=np.zeros(len(times)), where=later > 0) for of in (times, evict_cost))
    costs: NDArray[np.float64] = (hold_per_second * (sums[ended] + held) + evicted) / len(left)
    return costs
