"""The interface of a handling: what to do with a request's KV cache when its answer ends in a tool call."""

from typing import Any, Protocol, runtime_checkable

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.memory_time import Action, Wastes, wastes, whole_blocks
from beforehand.scheduling.policies.view import View

Decision = tuple[Action, float]


@runtime_checkable
class Handling(Protocol):
    """What becomes of the KV cache of a request that waits for a tool; any object with this method is one.

    A further method, `decide_all(views) -> list`, is for handlings that compare requests with each other: it is asked
    once for all that are due, and returns a decision for each.
    """

    def decide(self, view: View) -> Decision:
        """What to do now, and after how many seconds to ask again (inf: never).

        The action is `"preserve"`, `"discard"` or `"swap"`; a request that has been discarded or swapped is not asked
        about again. `view.tool.seconds` is what is left of the call as far as predicted, `view.resident` what it holds.
        """


def check_handling(handling: Any) -> None:
    """Raise unless this is a handling.

    Raises:
        InvalidInput: it is a name, a class or anything else.
    """
    if isinstance(handling, type) or not isinstance(handling, Handling):
        raise InvalidInput(f"handling is {handling!r}, but must be an object such as MinWaste(); see Handling")


def held(view: View) -> int:
    """Tokens in the KV cache of a request that pauses."""
    return view.resident or view.context


def engine_of(view: View) -> EngineView:
    """The engine that a view is of.

    Raises:
        InvalidInput: it has none.
    """
    if view.engine is None:
        raise InvalidInput("the view has no engine, but what a pause costs depends on it; set view.engine")
    return view.engine


def pause_wastes(view: View, seconds: float) -> Wastes:
    """What others lose if the request pauses for so long, by what is done with its KV cache; in token-seconds."""
    return wastes(held(view), seconds, engine_of(view))


def fits_host(view: View) -> bool:
    """Whether the host tier has room for the request's blocks."""
    engine = engine_of(view)
    return bool(whole_blocks(held(view), engine.costs.block_size) <= engine.free_host_tokens)
