"""Whether an answer will end in a tool call, and in which."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final, final

from beforehand.core.predictor import Price
from beforehand.scheduling.inputs import checked, kind_of, listed, whole
from beforehand.scheduling.policies.view import ToolView

FEW: Final = 8  # below this many answers a level says nothing
LAST_TURN: Final = 8  # later turns count as this one
UNSEEN_TOKENS: Final = 32.0  # returned, and answered, before any call of the tool was seen
MOST_KEYS, MOST_TOOLS = 4096, 256  # clients choose the names; the least recently seen make room


class _Mean:
    """A mean of the numbers that are known."""

    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0

    def add(self, value: float) -> None:
        if value == value:
            self.count += 1
            self.total += value


class _Tool:
    """How often a tool was called, and what it returned."""

    __slots__ = ("after", "calls", "returned")

    def __init__(self) -> None:
        self.calls, self.returned, self.after = 0, _Mean(), _Mean()


class _Level:
    """The answers of one kind: how many there were, and the calls among them."""

    __slots__ = ("answers", "calls", "tools")

    def __init__(self) -> None:
        self.answers, self.calls = 0, 0
        self.tools: dict[str, _Tool] = {}

    def add(self, tool: str | None, return_tokens: float, after_tokens: float) -> None:
        self.answers += 1
        if tool is None:
            return
        self.calls += 1
        if tool not in self.tools and len(self.tools) >= MOST_TOOLS:
            return
        kept = self.tools.setdefault(tool, _Tool())
        kept.calls += 1
        kept.returned.add(return_tokens)
        kept.after.add(after_tokens)


@final
class ToolCalls:
    """Calls that were seen, by the tools that the request offers and by the turn of the conversation.

    The turns of one set of tools are told apart up to the eighth. A turn speaks for itself from 8 answers on; before
    that all turns with these tools do, and then all answers together.

    Guarantee:
        The probability of a call is its share in what was seen, with one call and one answer without a call added.
        Where nothing is offered it is 0. A level that has not seen a tool leaves its tokens to the next one, and 32 are
        expected where nobody has seen it.

    Cost:
        About 5 µs for `observe` and for `predict`; memory for at most 4,096 turns and sets of tools.

    Args:
        price: What a prediction costs a server that makes it.

    Example:
        >>> calls = ToolCalls()
        >>> for _ in range(8):
        ...     calls.observe(("search", "shell"), 0, "search", return_tokens=100, after_tokens=20)
        >>> view = calls.predict(("search", "shell"), 0)
        >>> view.name, view.probability, view.return_tokens
        ('search', 0.9, 100.0)
        >>> calls.predict((), 0).probability
        0.0

    See also:
        ToolDurations, for how long a call takes.
    """

    __slots__ = ("_all", "_levels", "price")

    def __init__(self, *, price: Price = Price(seconds=5e-6, per="request")) -> None:  # noqa: B008 (it is frozen)
        kind_of("price", price, Price, "one such as Price(seconds=5e-6, per='request')")
        self.price = price
        self._all = _Level()
        self._levels: OrderedDict[int, _Level] = OrderedDict()

    def observe(
        self,
        offered: tuple[str, ...],
        turn: int,
        tool: str | None,
        return_tokens: float = math.nan,
        after_tokens: float = math.nan,
    ) -> None:
        """Note how an answer ended.

        Args:
            offered: The names of the tools that the request could call.
            turn: The answer's number in its conversation, from 0.
            tool: The tool that it called; None if it ended without a call.
            return_tokens: Tokens that the tool returned; nan if unknown.
            after_tokens: Output tokens of the next answer; nan if unknown.

        Raises:
            InvalidInput: an argument is of another type, or negative.
        """
        for name, value in (("return_tokens", return_tokens), ("after_tokens", after_tokens)):
            if value == value:
                checked(name, value)
        if tool is not None:
            kind_of("tool", tool, str, "its name, or None")
        for key in _keys(offered, turn):
            level = self._levels.setdefault(key, _Level())
            self._levels.move_to_end(key)
            level.add(tool, return_tokens, after_tokens)
        while len(self._levels) > MOST_KEYS:
            self._levels.popitem(last=False)
        if offered:
            self._all.add(tool, return_tokens, after_tokens)

    def predict(self, offered: tuple[str, ...], turn: int) -> ToolView:
        """What is expected at the end of this answer.

        Args:
            offered: The names of the tools that the request can call.
            turn: The answer's number in its conversation, from 0.

        Returns:
            The probability of a call; the tool called most often, and what it returns on average. `seconds` is nan:
            `ToolDurations` knows.

        Raises:
            InvalidInput: an argument is of another type, or negative.
        """
        keys = _keys(offered, turn)
        if not offered:
            return ToolView(return_tokens=UNSEEN_TOKENS, after_tokens=UNSEEN_TOKENS, probability=0.0)
        levels = [level for key in keys if (level := self._levels.get(key)) and level.answers >= FEW]
        levels.append(self._all)
        first = levels[0]
        calls, name = max(((each.calls, name) for name in offered if (each := _tool(levels, name))), default=(0, ""))
        returned, after = UNSEEN_TOKENS, UNSEEN_TOKENS
        for level in reversed(levels):
            kept = level.tools.get(name)
            if kept is not None:
                returned = kept.returned.total / kept.returned.count if kept.returned.count else returned
                after = kept.after.total / kept.after.count if kept.after.count else after
        return ToolView(
            name=name if calls else offered[0],
            return_tokens=returned,
            after_tokens=after,
            probability=(first.calls + 1) / (first.answers + 2),
        )


def _tool(levels: list[_Level], name: str) -> _Tool | None:
    """What the first level that has seen the tool knows of it."""
    return next((level.tools[name] for level in levels if name in level.tools), None)


def _keys(offered: tuple[str, ...], turn: int) -> tuple[int, ...]:
    """The levels that an answer belongs to, the closest first."""
    names = tuple(sorted(listed("offered", offered, "names of tools")))
    for name in names:
        kind_of("a name in offered", name, str, "the name of a tool")
    turn = min(whole("turn", turn), LAST_TURN)
    return (hash((names, turn)), hash(names)) if names else ()
