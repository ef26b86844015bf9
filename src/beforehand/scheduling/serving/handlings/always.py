"""The same for every call."""

import math
from dataclasses import dataclass
from typing import final, get_args

from beforehand.scheduling.inputs import one_of
from beforehand.scheduling.memory_time import Action
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.handlings.handling import Decision, fits_host


@final
@dataclass(frozen=True, slots=True)
class Always:
    """The same for every tool call; what stock engines do is `Always("discard")`, with the prefix cache as a hope.

    Args:
        action: `"preserve"`, `"discard"` or `"swap"`; what finds no room in the host tier is discarded.

    Raises:
        InvalidInput: the action is another word.

    Example:
        >>> Always("discard").decide(View(arrival=0.0, sequence=0, resident=1000))
        ('discard', inf)
    """

    action: Action

    def __post_init__(self) -> None:
        """Validate the field."""
        one_of("action", self.action, get_args(Action))

    __str__ = label

    def decide(self, view: View) -> Decision:
        """The action, for good."""
        if self.action == "swap" and not fits_host(view):
            return "discard", math.inf
        return self.action, math.inf
