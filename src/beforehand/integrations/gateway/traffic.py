"""What a gateway knows of the requests that pass it, and what it learns from their answers."""

import math
from collections.abc import Sequence
from typing import Final, final

from beforehand.integrations.gateway.asked import Asked
from beforehand.integrations.gateway.budget import WithinBudget
from beforehand.integrations.gateway.conversations import Call, Conversation, Conversations
from beforehand.integrations.gateway.engines import Engine, Route, choose
from beforehand.integrations.gateway.exchange import Exchange
from beforehand.integrations.gateway.priorities import Priorities, features
from beforehand.integrations.gateway.recorded import RecordedRequests
from beforehand.scheduling.serving.predictors.tool_calls import ToolCalls
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

BYTES_PER_TOKEN: Final = 4.0  # before an engine has counted
KEPT: Final = 0.98  # of the mean, after one more prompt


@final
class Traffic:
    """The requests under way, by engine and by conversation.

    Args:
        engines: Where requests go.
        priorities: The order.
        route: How an engine is chosen.
        trust_hints: Whether clients' hints are used.
        record: Where finished conversations are recorded; None: nowhere.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        priorities: Priorities,
        *,
        route: Route,
        trust_hints: bool,
        record: RecordedRequests | None,
    ) -> None:
        self.engines = engines
        self.priorities = priorities
        self.route: Route = route
        self.trust_hints = trust_hints
        self.record = record
        self.conversations = Conversations()
        self.tool_calls, self.durations = ToolCalls(), ToolDurations()
        self.budget = WithinBudget()
        self.bytes_per_token = BYTES_PER_TOKEN

    async def begin(self, asked: Asked, now: float) -> Exchange:
        """A request has come: its engine, its priority and its hints."""
        claimed = _claimed(asked) if self.trust_hints else math.nan
        prompt = asked.tokens if asked.tokens >= 1 else max(asked.sizes[-1] / self.bytes_per_token, 1.0)
        predicted = await self._predicted(asked, prompt) if not claimed >= 0 else math.nan
        output = self.priorities.expected_tokens(
            predicted, max_tokens=asked.max_tokens, tenant=asked.tenant, claimed=claimed
        )
        conversation = self._conversation(asked, now)
        returned = sum(size for _, size in asked.results) / self.bytes_per_token
        engine = choose(
            self.engines,
            asked.marks,
            prompt,
            output * asked.answers,
            now=now,
            route=self.route,
            last=conversation.engine,
        )
        tool = None
        if asked.tools:
            tool = self.tool_calls.predict(asked.tools, asked.turn)
            tool.seconds = self.durations.mean(tool.name)
        exchange = Exchange(
            asked=asked,
            conversation=conversation,
            engine=engine,
            prompt_tokens=prompt,
            cached=0.0,
            output_tokens=output,
            predicted=output if predicted == predicted or claimed >= 0 else math.nan,
            returned=returned,
            tool=tool,
        )
        engine.update(now)
        cached = min(engine.prefixes.longest(asked.marks), prompt - 1)
        exchange.priority = self.priorities.priority(
            prompt,
            asked.tenant,
            conversation.arrival,
            id=exchange.id,
            predicted=predicted,
            claimed=claimed,
            max_tokens=asked.max_tokens,
            cached=cached,
            tool=tool,
            engine=engine.view,
        )
        self._enter(exchange, engine)
        return exchange

    def moved(self, exchange: Exchange, engine: Engine) -> None:
        """Another engine takes the request."""
        self._leave(exchange)
        self._enter(exchange, engine)

    def piece(self, exchange: Exchange, now: float) -> None:
        """The first piece of an answer has come: its prompt is done."""
        exchange.began = True
        rest = exchange.engine.work_of(1.0, exchange.output_tokens * exchange.asked.answers, 0.0)
        done = max(exchange.work - rest, 0.0)
        exchange.engine.work -= done
        exchange.work -= done
        if exchange.conversation.first_token != exchange.conversation.first_token:
            exchange.conversation.first_token = now

    def end(self, exchange: Exchange, now: float) -> None:
        """A request is over, well or not."""
        if exchange.over:
            return
        exchange.over = True
        self._leave(exchange)
        answered = exchange.answered
        if answered is None or not answered.complete:
            return
        asked, conversation = exchange.asked, exchange.conversation
        tokens = answered.tokens
        if asked.answers > 1 and tokens == tokens:
            tokens = max(round(tokens / asked.answers), 1)
        self.priorities.finished(exchange.id, tokens)
        prompt = exchange.prompt_tokens
        if answered.prompt_tokens >= 1 and asked.sizes[-1]:
            counted = answered.prompt_tokens
            if not asked.tokens >= 1:
                new = self.bytes_per_token * KEPT + (1 - KEPT) * asked.sizes[-1] / counted
                self.bytes_per_token = min(max(new, 0.1), 100.0)
            if conversation.calls and conversation.context:
                exchange.returned = max(counted - conversation.context, 0.0)
            prompt = counted
        exchange.engine.prefixes.sent(asked.marks[-1], prompt + (tokens if tokens == tokens else 0.0))
        self._learn(exchange, prompt, tokens, now)

    def _learn(self, exchange: Exchange, prompt: float, tokens: float, now: float) -> None:
        """Take an answer that came to its end into its conversation and into the predictors."""
        asked, conversation, answered = exchange.asked, exchange.conversation, exchange.answered
        assert answered is not None
        if conversation.calls:
            last = conversation.calls[-1]
            if last.return_tokens < 0:
                last.return_tokens = int(exchange.returned)
                self.tool_calls.observe(last.offered, last.turn, last.tool, last.return_tokens, tokens)
        else:
            conversation.prompt_tokens = int(prompt)
        conversation.context = prompt + (tokens if tokens == tokens else 0.0)
        conversation.turn += 1
        if conversation.first_token != conversation.first_token:
            conversation.first_token = now  # in one piece, with all others
        if answered.calls:
            name = answered.calls[0][0]
            segment = int(tokens) if tokens >= 1 else 0
            conversation.calls.append(Call(name, asked.tools, asked.turn, segment, now))
            self.conversations.called(conversation, tuple(id for _, id in answered.calls))
            return
        if asked.tools:
            self.tool_calls.observe(asked.tools, asked.turn, None)
        self.conversations.ended(conversation)
        if self.record is not None:
            self.record.append(conversation, tokens, exchange.predicted, now)

    async def _predicted(self, asked: Asked, prompt: float) -> float:
        priorities = self.priorities
        if priorities.lengths is None:
            return math.nan
        prefix = int.from_bytes(asked.marks[0][:7], "little") if len(asked.marks) > 1 else -1
        given = features(prompt, asked.max_tokens, asked.tenant, tools=len(asked.tools), turn=asked.turn, prefix=prefix)
        return await self.budget.ask(lambda: priorities.predicted_tokens(given))

    def _conversation(self, asked: Asked, now: float) -> Conversation:
        name = asked.hints.get("conversation")
        if self.trust_hints and isinstance(name, str) and name:
            conversation = self.conversations.named(asked.tenant, name[:256], now)
        else:
            conversation = self.conversations.returning(asked.tenant, tuple(id for id, _ in asked.results), now)
        last = conversation.calls[-1] if conversation.calls else None
        if last is not None and last.seconds != last.seconds:
            last.seconds = max(now - last.began, 0.0)
            self.durations.observe(last.tool, last.seconds)
        return conversation

    def _enter(self, exchange: Exchange, engine: Engine) -> None:
        """Count the request with its engine."""
        asked, prompt = exchange.asked, exchange.prompt_tokens
        answers = exchange.output_tokens * asked.answers
        exchange.engine = exchange.conversation.engine = engine
        exchange.cached = min(engine.prefixes.longest(asked.marks), prompt - 1)
        exchange.work = engine.work_of(prompt, answers, exchange.cached)
        engine.work += exchange.work
        engine.requests += 1
        engine.context += prompt + answers
        if len(asked.marks) > 1:
            engine.prefixes.sent(asked.marks[0], asked.sizes[0] / self.bytes_per_token)
        engine.prefixes.sent(asked.marks[-1], prompt)

    def _leave(self, exchange: Exchange) -> None:
        engine = exchange.engine
        engine.requests -= 1
        engine.work = max(engine.work - exchange.work, 0.0) if engine.requests else 0.0
        context = exchange.prompt_tokens + exchange.output_tokens * exchange.asked.answers
        engine.context = max(engine.context - context, 0.0) if engine.requests else 0.0


def _claimed(asked: Asked) -> float:
    """The client's own prediction, if it is one."""
    value = asked.hints.get("predicted_tokens")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if 0 <= value <= 1e9 else math.nan
