"""The engines behind a gateway, each with the state of its own queue, and which of them takes a request."""

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.view import View

Route = Literal["work", "conversation"]
PREFIXES: Final = 65_536  # of each engine that are remembered
DOWN_SECONDS: Final = 2.0  # an engine that refused a connection is asked again after this
WORK: Final = ShortestWork(decode=1.0)


@final
class SentPrefixes:
    """Beginnings of prompts that an engine was sent, and their tokens: what its prefix cache may hold."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tokens)

    def longest(self, marks: Sequence[bytes]) -> float:
        """Tokens of the longest beginning that was sent before; 0 if none was."""
        for mark in reversed(marks):
            tokens = self._tokens.get(mark)
            if tokens is not None:
                self._tokens.move_to_end(mark)
                return tokens
        return 0.0

    def sent(self, mark: bytes, tokens: float) -> None:
        """A prompt that begins so was sent; `tokens` with its answer, once that is known."""
        self._tokens[mark] = tokens
        self._tokens.move_to_end(mark)
        if len(self._tokens) > PREFIXES:
            self._tokens.popitem(last=False)


@final
@dataclass(slots=True, eq=False)
class Engine:
    """An engine, and what the gateway has sent to it.

    Args:
        url: Where it is, such as `http://127.0.0.1:8000`.
        view: What policies see of it.
        work: Predicted engine seconds of the requests that it has not finished.
        requests: How many these are.
        context: Tokens of their prompts and answers, as predicted.
        down_until: When it is asked again, after it has refused a connection.
    """

    url: str
    view: EngineView
    work: float = 0.0
    requests: int = 0
    context: float = 0.0
    down_until: float = -math.inf
    prefixes: SentPrefixes = field(default_factory=SentPrefixes)

    def update(self, now: float) -> None:
        """Set what follows from the requests that it has."""
        self.view.update(now=now, decoding=self.requests, context_tokens=int(self.context))

    def work_of(self, prompt_tokens: float, output_tokens: float, cached: float) -> float:
        """Predicted engine seconds of a request, of whose prompt so much is cached."""
        view = View(0.0, 0, context=int(prompt_tokens), cached=cached, remaining=output_tokens, engine=self.view)
        return WORK.rank(view)


def engines_at(urls: Sequence[str], profile: EngineProfile | None) -> list[Engine]:
    """An engine for each address.

    Raises:
        InvalidInput: there is none, or one is no address.
    """
    if not urls:
        raise InvalidInput("upstream is empty, but must be the address of an engine; pass --upstream URL")
    for url in urls:
        if not isinstance(url, str) or not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
            raise InvalidInput(f"upstream is {url!r}, but must begin with http:// or https://; add it")
    if len(set(urls)) < len(urls):
        raise InvalidInput(f"upstream has {max(urls, key=list(urls).count)} twice; name each engine once")
    return [Engine(url.rstrip("/"), EngineView(profile=profile)) for url in urls]


def choose(
    engines: Sequence[Engine],
    marks: Sequence[bytes],
    prompt_tokens: float,
    output_tokens: float,
    *,
    now: float,
    route: Route,
    last: Engine | None = None,
) -> Engine:
    """The engine that takes a request.

    By `"work"`, the one that would be done first: least predicted work, where what its prefix cache holds of the prompt
    need not be done. By `"conversation"`, the one that had the conversation's last request (`last`, or the one that was
    sent most of the prompt); new conversations go by work. Engines that refused a connection come last.
    """
    up = [engine for engine in engines if engine.down_until <= now] or list(engines)
    if len(up) == 1:
        return up[0]
    if route == "conversation":
        if last in up:
            return last
        known = {id(engine): engine.prefixes.longest(marks) for engine in up}
        best = max(up, key=lambda engine: known[id(engine)])
        if len(marks) > 1 and known[id(best)] > 0:
            return best

    def done(engine: Engine) -> float:
        cached = min(engine.prefixes.longest(marks), max(prompt_tokens - 1, 0.0))
        return engine.work + engine.work_of(prompt_tokens, output_tokens, cached)

    return min(up, key=done)
