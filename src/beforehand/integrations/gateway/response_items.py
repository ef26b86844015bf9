"""The items of OpenAI's Responses API as the messages of a chat, which are all that the gateway reads."""

from typing import Any


def as_messages(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """What a request to `/v1/responses` sends, as messages.

    An answer is several items there: reasoning, text and calls, each by itself. They become one message. What
    `previous_response_id` stands for is at the engine, and is not counted.
    """
    given, messages = fields.get("input", ""), []
    if isinstance(fields.get("instructions"), str):
        messages.append({"role": "system", "content": fields["instructions"]})
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        kind = item.get("type") or "message"
        if kind.endswith("_output"):
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")})
        elif kind == "message" and item.get("role") != "assistant":
            messages.append({"role": item.get("role"), "content": item.get("content")})
        else:
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": [], "tool_calls": None})
            said = item.get("content")
            messages[-1]["content"] += [{"text": said}] if isinstance(said, str) else said or []
            if "call" in kind:
                messages[-1]["tool_calls"] = [*(messages[-1]["tool_calls"] or ()), item]
    return messages
