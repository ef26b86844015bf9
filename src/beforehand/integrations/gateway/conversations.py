"""Conversations as a gateway sees them: requests linked by the results of the tool calls that they return."""

import math
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, final

from beforehand.integrations.gateway.engines import Engine

KEPT: Final = 65_536  # open calls, and conversations
IDLE: Final = 3_600.0  # seconds after which nobody returns any more


@final
@dataclass(slots=True, eq=False)
class Call:
    """A tool call that ended an answer."""

    tool: str
    offered: tuple[str, ...]  # the tools that could have been called
    turn: int
    output_tokens: int  # of the answer that it ended; 0 if unknown
    began: float
    seconds: float = math.nan
    return_tokens: int = -1  # until it has returned


@final
@dataclass(slots=True, eq=False)
class Conversation:
    """What was seen of a conversation.

    Args:
        id: A name that nobody can guess.
        tenant: Whose it is.
        arrival: When it first came.
        prompt_tokens: Of its first request.
        context: Tokens of its last request and of the answer to it.
        turn: Answers so far.
        calls: The calls that ended them.
        engine: The one that had its last request.
        first_token: When its first answer began; nan before.
    """

    id: str
    tenant: str
    arrival: float
    prompt_tokens: int = 0
    context: float = 0.0
    turn: int = 0
    calls: list[Call] = field(default_factory=list)
    engine: Engine | None = None
    first_token: float = math.nan


@final
class Conversations:
    """Open calls by the ids that engines gave them; the last 65,536, each for an hour.

    A client can return results only for calls of its own tenant.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], Conversation] = OrderedDict()

    def returning(self, tenant: str, ids: tuple[str, ...], now: float) -> Conversation:
        """The conversation whose calls these ids answer, or a new one."""
        self._make_room(now)
        found = None
        for id in ids:
            found = self._open.pop((tenant, id), found)
        if found is None:
            return Conversation(uuid.uuid4().hex, tenant, now)
        return found

    def named(self, tenant: str, name: str, now: float) -> Conversation:
        """The conversation that a client which is trusted names so."""
        self._make_room(now)
        key = tenant, f"={name}"
        found = self._open.get(key)
        if found is None or (found.calls and now - found.calls[-1].began > IDLE):
            found = self._open[key] = Conversation(name, tenant, now)
        self._open.move_to_end(key)
        return found

    def called(self, conversation: Conversation, ids: tuple[str, ...]) -> None:
        """An answer has ended in calls with these ids."""
        for id in ids:
            self._open[(conversation.tenant, id)] = conversation

    def ended(self, conversation: Conversation) -> None:
        """An answer has ended without a call: what comes next is new."""
        self._open.pop((conversation.tenant, f"={conversation.id}"), None)

    def __len__(self) -> int:
        """How many calls are open."""
        return len(self._open)

    def _make_room(self, now: float) -> None:
        """Forget what is too much or too old."""
        while self._open:
            oldest = next(iter(self._open))
            conversation = self._open[oldest]
            seen = conversation.calls[-1].began if conversation.calls else conversation.arrival
            if len(self._open) < KEPT and now - seen <= IDLE:
                break
            del self._open[oldest]
