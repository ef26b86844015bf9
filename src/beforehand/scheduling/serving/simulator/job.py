"""One conversation on its way through the engine."""

import math
from typing import Final, final

from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.simulator.memory import Holding

WAITING: Final = 0
PREFILL: Final = 1
DECODE: Final = 2
PAUSED: Final = 3
DONE: Final = 4


@final
class Job:
    """The state of one conversation; while it decodes, age and context follow from `start` and are not stored.

    `start` is the iteration of its first decode since the last prefill, before which it had `base` tokens in memory and
    `age` output tokens of this segment; in iteration `ends` the segment is over. `stamp` changes whenever plans made
    for it no longer hold.
    """

    __slots__ = (
        "age", "asked", "base", "computed", "copying", "ends", "entered", "first_token", "held_since", "holding",
        "host", "last", "last_token", "length", "phase", "refined", "refined_at", "resident", "returning", "row",
        "segment", "segment_first", "stamp", "start", "swapped", "view", "waiting_since",
    )  # fmt: skip

    def __init__(self, row: int, arrival: float, first: int, last: int, holding: Holding) -> None:
        self.row = row
        self.segment, self.last, self.length = first, last, 0
        self.holding = holding
        self.view = View(arrival, row)
        self.phase = WAITING
        self.age = self.base = self.start = self.ends = self.stamp = self.entered = 0
        self.resident = 0  # tokens in memory, unless it decodes
        self.computed = 0  # the most of its tokens that ever were
        self.host = 0  # tokens of which the host has a copy that counts
        self.returning = False  # came back from a call with its memory
        self.swapped = False  # the last call was spent on the host
        self.copying = False
        self.asked = False  # the best prediction was made, so that it may be renewed
        self.first_token = self.last_token = self.segment_first = math.nan
        self.refined = math.nan  # a prediction of what was left at the age `refined_at`
        self.refined_at = 0
        self.waiting_since = self.held_since = 0.0

    def decode_from(self, iteration: int) -> None:
        """The prompt is in memory and its first token out: decode from this iteration on."""
        self.phase, self.start, self.base = DECODE, iteration, self.resident
        self.stamp += 1

    def settle(self, iteration: int) -> None:
        """Store what follows from `start` as it is before this iteration."""
        if self.phase == DECODE:
            steps = iteration - self.start
            self.resident = self.base + steps
            view = self.view
            view.age = self.age + steps
            view.context = self.resident + 1
            view.resident = self.resident
            if self.resident > self.computed:
                self.computed = self.resident
