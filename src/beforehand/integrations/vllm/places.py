"""The places of conversations in the order of arrival."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, final

KEPT: Final = 65_536  # conversations
IDLE: Final = 3_600.0  # seconds after which a conversation has lost its place


@final
@dataclass(slots=True)
class Place:
    """A conversation: when it first came, and what was seen of it."""

    arrival: float
    sequence: int
    seen: float  # s, the last time
    turn: int = 0  # segments that have begun
    served: int = 0  # output tokens of finished segments
    context: int = 0  # tokens of the last request and its answer
    paused: float = math.nan  # s; when its last segment ended in a call
    tool: str = ""  # which call that was
    called: str = ""  # the same, until the answer to what it returned has finished
    offered: tuple[str, ...] = ()  # the tools that it was chosen from
    returned: float = math.nan  # tokens that it returned, until the answer to them has finished


@final
class Places:
    """First arrivals by conversation: the last 65,536, each for an hour after it was last seen.

    Requests without the name of a conversation get a place that is not kept. Times are the engine's own; what clients
    say about time is never believed.
    """

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, str], Place] = OrderedDict()
        self._next = 0

    def take(self, tenant: str, conversation: str, now: float) -> Place:
        """The conversation's place, at the end of the order if it is new."""
        if not conversation:
            return self._new(now, turn=1)
        name = (tenant, conversation)
        while self._places:
            oldest = next(iter(self._places))
            if len(self._places) <= KEPT and now - self._places[oldest].seen <= IDLE:
                break
            del self._places[oldest]
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = self._new(now)
        place.seen = max(place.seen, now)
        place.turn += 1
        self._places.move_to_end(name)
        return place

    def __len__(self) -> int:
        """How many conversations are kept."""
        return len(self._places)

    def _new(self, now: float, turn: int = 0) -> Place:
        self._next += 1
        return Place(arrival=now, sequence=self._next - 1, seen=now, turn=turn)
