"""Blocks of finished requests that stay where they are because their conversation will be back soon."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, final

Named = tuple[str, str]  # a tenant, and the name that it gave its conversation


@final
@dataclass(slots=True)
class Pin:
    """One conversation's blocks, kept until its next request has been scheduled."""

    request: Any
    conversation: Named
    blocks: int
    waste: Callable[[float], float]  # from now to the token-seconds lost by keeping on, less what the eviction loses


@final
class Pins:
    """The finished requests of one scheduler whose blocks are kept for the conversation's next request.

    vLLM frees a request's blocks when it ends, and the prefix cache finds them again only until others take them. A pin
    keeps them. The request itself is forgotten: vLLM counts what it still knows, and with a connector keeps stepping an
    idle engine until all of that is gone.

    Args:
        free: Gives a request's blocks back, such as the scheduler's `_free_request_blocks`.
        budget: Blocks that pins may hold together, such as 30 % of the pool.

    Guarantee:
        Blocks are freed exactly once. At most `budget` of them are held, one pin a conversation. No tenant frees
        another's, whatever name it gives its own conversation.

    Cost:
        `relieve` sorts all pins; there are as many as tool calls under way.
    """

    def __init__(self, free: Callable[[Any], None], *, budget: int) -> None:
        self._free = free
        self.budget = budget
        self.held = 0
        self._pins: dict[Named, Pin] = {}

    def __len__(self) -> int:
        """How many conversations are pinned."""
        return len(self._pins)

    def __contains__(self, conversation: object) -> bool:
        """Whether that conversation is pinned."""
        return conversation in self._pins

    def keep(self, pin: Pin) -> bool:
        """Keep a finished request's blocks; False if they do not fit the budget, so that the caller frees them."""
        self.release(pin.conversation)
        if self.held + pin.blocks > self.budget:
            return False
        self._pins[pin.conversation] = pin
        self.held += pin.blocks
        return True

    def release(self, conversation: Named) -> int:
        """Free what is pinned of a conversation, which is back or was aborted, and say how many blocks those were."""
        pin = self._pins.pop(conversation, None)
        if pin is None:
            return 0
        self.held -= pin.blocks
        self._free(pin.request)
        return pin.blocks

    def forget(self, request_id: str) -> None:
        """Free the pin of a request of that name, before another of the same name comes."""
        for pin in list(self._pins.values()):
            if pin.request.request_id == request_id:
                self.release(pin.conversation)

    def relieve(self, blocks: int, *, now: float, spare: Collection[Named] = ()) -> int:
        """Free at least so many blocks if there are as many: first the pins that are the most wasteful to keep.

        Args:
            blocks: How many are wanted.
            now: Seconds.
            spare: Conversations to spare, since what wants the blocks would have to compute them again.
        """
        freed = 0
        if blocks > 0:
            for pin in sorted(self._pins.values(), key=lambda pin: pin.waste(now), reverse=True):
                if freed >= blocks:
                    break
                if pin.conversation not in spare:
                    freed += self.release(pin.conversation)
        return freed
