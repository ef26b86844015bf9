"""One request on its way through a gateway."""

import math
import uuid
from dataclasses import dataclass, field
from typing import Any, final

from beforehand.integrations.gateway.answered import Answered
from beforehand.integrations.gateway.asked import Asked
from beforehand.integrations.gateway.conversations import Conversation
from beforehand.integrations.gateway.engines import Engine
from beforehand.scheduling.policies.view import ToolView


@final
@dataclass(slots=True, eq=False, kw_only=True)
class Exchange:
    """A request and its answer.

    Args:
        asked: What it asks for.
        conversation: What it belongs to.
        engine: The one that has it.
        prompt_tokens: Tokens of its prompt, as counted or estimated.
        cached: Of these, what the engine was sent before.
        output_tokens: Tokens of the answer that are expected.
        predicted: The same, if a predictor said it; else nan.
        returned: Of the prompt, what a tool returned.
        tool: The call that is expected at its end; None where no tool is offered.
        work: Predicted engine seconds, counted with the engine.
        priority: What the engine orders by.
        answered: What has come back so far; None where it is not read.
        id: Its name among the requests under way.
    """

    asked: Asked
    conversation: Conversation
    engine: Engine
    prompt_tokens: float
    cached: float
    output_tokens: float
    predicted: float
    returned: float
    tool: ToolView | None
    work: float = 0.0
    priority: int = 0
    answered: Answered | None = None
    began: bool = False  # whether a piece of the answer has come
    over: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def hints(self) -> dict[str, Any]:
        """What a plug-in in the engine can use, by names without their prefix."""
        found: dict[str, Any] = {
            "conversation": self.conversation.id,
            "predicted_tokens": round(self.output_tokens, 1),
        }
        if self.asked.tenant:
            found["tenant"] = self.asked.tenant
        if self.tool is not None:
            found |= {"tools": list(self.asked.tools), "tool": self.tool.name}
            for name in ("return_tokens", "after_tokens"):
                found[name] = round(getattr(self.tool, name), 1)
            found["tool_seconds"] = round(self.tool.seconds, 4)
        return {name: value for name, value in found.items() if value == value and value != math.inf}
