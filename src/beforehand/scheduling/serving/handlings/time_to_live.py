"""Keep for a while, then evict: how long, by the recorded durations of the tool."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Final, final

from beforehand.scheduling.inputs import flag, kind_of, settle
from beforehand.scheduling.memory_time import Wastes, whole_blocks
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.handlings.handling import Decision, engine_of, fits_host, held, pause_wastes
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

LEAST_SECONDS: Final = 1e-3  # until it is asked again, so that the clock moves


@final
@dataclass(frozen=True, slots=True)
class TimeToLive:
    """Preserve for the time that wastes least on the recorded calls of the tool, then swap or discard.

    Zero for a tool that always takes long, forever for one that is always quick, and in between as long as an end of
    the call is still likely. With fewer than 8 calls recorded, as long as preserving wastes less than evicting would.

    Args:
        durations: Recorded calls; the engine adds those that finish.
        swap: Whether it may swap.

    Guarantee:
        The expected waste is the least of all times to live, on the recorded calls; see `ToolDurations.best_ttl`.

    Raises:
        InvalidInput: an argument is of another type; in `decide`, the view has no engine.

    Example:
        >>> from beforehand.scheduling.engine_profile import PROFILES
        >>> from beforehand.scheduling.policies.view import ToolView
        >>> from beforehand.scheduling.engine_view import EngineView
        >>> durations = ToolDurations()
        >>> for seconds in (0.1, 0.2, 0.3, 0.4, 5.0, 6.0, 0.2, 0.3):
        ...     durations.observe("search", seconds)
        >>> engine = EngineView(profile=PROFILES["gptj-6b-a100-40g"])
        >>> engine.update(now=0.0, decoding=128, context_tokens=20_000)
        >>> view = View(arrival=0.0, sequence=0, resident=1040, tool=ToolView("search"), engine=engine)
        >>> TimeToLive(durations).decide(view)
        ('preserve', 0.4)
    """

    durations: ToolDurations
    _: KW_ONLY
    swap: bool = True

    def __post_init__(self) -> None:
        """Validate the fields."""
        kind_of("durations", self.durations, ToolDurations, "one, which the engine fills as calls finish")
        settle(self, swap=flag("swap", self.swap))

    def __str__(self) -> str:
        """The name, and whether it may not swap."""
        return "TimeToLive" if self.swap else "TimeToLive(non-swap)"

    def decide(self, view: View) -> Decision:
        """Preserve for the best time to live, or what an eviction wastes least by."""
        wasted = pause_wastes(view, 0.0)
        swap = self.swap and fits_host(view)
        ttl = self.durations.best_ttl(
            view.tool.name if view.tool else "",
            hold_per_second=whole_blocks(held(view), engine_of(view).costs.block_size),
            evict_cost=min(wasted.discard, wasted.swap if swap else math.inf),
            elapsed=view.tool.elapsed if view.tool else 0.0,
        )
        if ttl > 0:
            return "preserve", max(ttl, LEAST_SECONDS)
        return Wastes(math.nan, wasted.discard, wasted.swap).least(swap=swap), math.inf
