"""The rank of LAMPS as its authors released it under the name MARS, with its mistakes.

The formula mixes milliseconds, blocks and tokens: a copy counts a quarter of the square of the blocks, a discarded call
takes no time, and a block is 64 tokens here and 16 in the engine. It stands here to be compared with, not to be used.
"""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Final, final

from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import checked, settle
from beforehand.scheduling.memory_time import Action, wastes, whole_blocks
from beforehand.scheduling.policies.view import BANDS, FIRST, UNKNOWN, By, View
from beforehand.studies.serving_baselines import Unstaged, engine_of

BLOCK: Final = 64  # tokens, in the rank
STEP_TOKENS: Final = 384  # new tokens of a full iteration
STEP_SECONDS: Final = (0.1 * STEP_TOKENS + 10) / 1000


def memory_time(blocks: int, in_flight: int) -> float:
    """What the release takes for the memory-time of computing so many blocks beside tokens in flight.

    Example:
        >>> round(memory_time(17, in_flight=128), 3)
        185.856
    """
    room = max(STEP_TOKENS - in_flight, 1)
    steps = max(math.ceil(BLOCK * blocks / room), 1)
    return STEP_SECONDS * (steps + 1) * steps / 2 * room


def score(action: Action | None, *, before: int, after: int, seconds: float, in_flight: int) -> float:
    """The release's score of a request.

    Args:
        action: The expected handling; None if no call is left.
        before: Blocks of prompt and answer.
        after: Blocks of answer and what the tool returns.
        seconds: Of the call.
        in_flight: Tokens of the running requests.

    Example:
        >>> [round(score(each, before=17, after=1, seconds=0.7, in_flight=128), 3)
        ...  for each in ("preserve", "discard", "swap")]
        [959.846, 371.712, 342.816]
    """
    first = memory_time(before, in_flight)
    match action:
        case "preserve":
            return first + BLOCK * before * seconds + memory_time(after, in_flight)
        case "discard":
            return first + memory_time(after + before, in_flight)
        case "swap":
            return first + 2 * (before * before / 4) + 0.1 * seconds + memory_time(after, in_flight)
        case None:
            return memory_time(after + before, in_flight)


@final
@dataclass(frozen=True, slots=True)
class MarsReleased(Unstaged):
    """The release's order: by its score, all waiting requests anew in every step, non-preemptive.

    Least waste stands in for the release's choice of a handling, whose constants differ. A view does not tell steps of
    waiting, so they are the time since the request became ready over the mean step.

    Args:
        threshold: Steps of waiting after which a request that was served before comes first; inf is never. The release
            counts nothing for a request that was never served, so that such a request may wait forever.

    Raises:
        InvalidInput: `threshold` is out of range; a view has no engine.
    """

    _: KW_ONLY
    threshold: float = 100.0

    timed = True

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, threshold=checked("threshold", self.threshold, above=True))

    def rank(self, view: View) -> float:
        """The score, lowest first."""
        engine = engine_of(view)
        if view.state == "running":
            return FIRST
        if (view.served or view.started) and view.now - view.enqueued > self.threshold * engine.step_seconds:
            return BANDS[0]
        if view.predicted != view.predicted:
            return UNKNOWN
        call = view.tool
        returned = call.return_tokens if call and call.return_tokens == call.return_tokens else 0.0
        return score(
            self._action(view, engine) if call else None,
            before=math.ceil((view.context + view.predicted) / BLOCK),
            after=math.ceil((view.predicted + returned) / BLOCK),
            seconds=call.seconds if call and call.seconds == call.seconds else 0.0,
            in_flight=engine.decoding,
        )

    def asks(self, view: View) -> By | None:
        """The predicted length."""
        return "expensive" if view.predicted != view.predicted else None

    def _action(self, view: View, engine: EngineView) -> Action:
        left = view.remaining if view.remaining == view.remaining else view.predicted
        held = view.context + left - 1
        fits = whole_blocks(held, engine.costs.block_size) <= engine.free_host_tokens
        return wastes(held, view.tool.seconds if view.tool else math.nan, engine).least(swap=bool(fits))
