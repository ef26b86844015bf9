"""What an answer of a language model held, read while its bytes pass."""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, final

from beforehand.integrations.gateway.asked import storable

MOST_BYTES: Final = 32 * 2**20  # of an answer in one piece, or of a line; what is longer is passed on unread
EVENT: Final = b"data:"
CONTENT: Final = b'"content":'
TYPED: Final = re.compile(rb'"type": ?"response\.\w+(\.delta")?')  # of the Responses API
ENDS: Final = ("response.completed", "response.incomplete")
PARSED: Final = (b'"usage"', b'"tool_calls"', b'"content":""', b'"content": ""', b'"content":null', b'"content": null')


@final
@dataclass(slots=True)
class Answered:
    """One answer: its tokens and the calls that end it; feed it the bytes as they come.

    Args:
        stream: Whether the answer is a stream of events.
        left: Bytes that are still to come; negative if nobody said how many.
        pieces: Pieces with text so far; an engine sends one for each token or a few.
        prompt_tokens: As the engine counted; nan until it says so.
        output_tokens: Likewise.
        calls: Names and ids of the tools that it calls.
        complete: Whether it came to its end.
    """

    stream: bool
    left: int = -1
    pieces: int = 0
    prompt_tokens: float = math.nan
    output_tokens: float = math.nan
    calls: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False
    _rest: bytearray = field(default_factory=bytearray)
    _lost: bool = False

    def feed(self, data: bytes) -> bool:
        """Read some more bytes; whether they held a piece of the answer."""
        before = self.pieces
        self.left = max(self.left - len(data), 0) if self.left >= 0 else -1
        if self._lost:
            return False
        self._rest += data
        if self.stream and b"\n" in data:
            lines = self._rest.split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                self._line(bytes(line))
        if len(self._rest) > MOST_BYTES:
            self._rest.clear()
            self._lost = True
        return self.pieces > before

    def finish(self) -> None:
        """The last byte has come."""
        if self.stream or self._lost or self.complete:
            return
        try:
            self._take(json.loads(bytes(self._rest)))
            self.complete = True
        except (ValueError, TypeError, AttributeError, RecursionError):
            self._lost = True
        self._rest.clear()

    @property
    def tokens(self) -> float:
        """Output tokens: as counted by the engine, else by pieces; nan if neither is known."""
        if self.output_tokens == self.output_tokens:
            return self.output_tokens
        return float(self.pieces) if self.pieces else math.nan

    def _line(self, line: bytes) -> None:
        if not line.startswith(EVENT):
            return
        typed = TYPED.search(line)
        if typed[1] if typed else CONTENT in line and not any(each in line for each in PARSED):
            self.pieces += 1  # most events are such, and parsing them would cost more than passing them on
            return
        data = line[len(EVENT) :].strip()
        if data == b"[DONE]":
            self.complete = True
            return
        try:
            self._take(json.loads(data))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return

    def _take(self, event: Any) -> None:
        if event.get("type") in ENDS:
            event, self.complete = event.get("response") or {}, True
        usage = event.get("usage")
        if isinstance(usage, dict):
            self.prompt_tokens = _count(usage.get("prompt_tokens", usage.get("input_tokens")), self.prompt_tokens)
            self.output_tokens = _count(usage.get("completion_tokens", usage.get("output_tokens")), self.output_tokens)
        for item in event.get("output") or ():
            if item.get("type") == "function_call":
                self._called(item.get("name"), item.get("call_id"))
            self.pieces += not self.stream
        for choice in event.get("choices") or ():
            said = choice.get("delta" if self.stream else "message") or {}
            for call in said.get("tool_calls") or ():
                self._called((call.get("function") or {}).get("name"), call.get("id"))
            if said.get("content") or said.get("tool_calls") or said.get("reasoning_content") or choice.get("text"):
                self.pieces += 1

    def _called(self, name: Any, id: Any) -> None:
        if isinstance(id, str) and isinstance(name, str):
            self.calls.append((storable(name), id[:256]))


def _count(value: Any, otherwise: float) -> float:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40
    return float(value) if good else otherwise
