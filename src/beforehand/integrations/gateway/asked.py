"""What a request to a language model asks for, read from its body; and the body with fields of ours."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from beforehand.integrations.gateway.response_items import as_messages

NUMBERS: Final = ("predicted_tokens", "tool_seconds", "return_tokens", "after_tokens", "hold_seconds")
OURS: Final = "bh_"  # how the names of our hints begin
EXTRA: Final = "vllm_xargs"  # the field that vLLM hands on as `extra_args`
MOST_TOOLS: Final = 128
PART_BYTES: Final = 1_000  # an image or a sound counts as so much text
CHAT, TEXT, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"


@final
@dataclass(slots=True)
class Asked:
    """What one request asks for.

    Args:
        tenant: The field `user`.
        sizes: Bytes of text up to the end of each message, rising; the last is the whole prompt.
        marks: A hash of all messages up to each one; two requests that begin alike share the first of them.
        tokens: Tokens of the prompt where the caller sent tokens; nan if it sent text.
        max_tokens: The cap on the answer; inf without one.
        tools: Names of the tools that are offered, sorted.
        turn: Answers that the prompt already holds.
        results: The results of tool calls at its end: ids, and bytes.
        answers: How many answers are asked for.
        stream: Whether the answer comes in pieces.
        hints: The client's own `bh_...` fields, wherever they stood, without the prefix.
    """

    tenant: str
    sizes: tuple[int, ...]
    marks: tuple[bytes, ...]
    tokens: float
    max_tokens: float
    tools: tuple[str, ...]
    turn: int
    results: tuple[tuple[str, int], ...]
    answers: int
    stream: bool
    hints: dict[str, Any]


def read_body(path: str, body: bytes) -> tuple[dict[str, Any], Asked] | None:
    """The fields of a request and what they ask for; None if they are nothing that we understand.

    Cost:
        Twice a parse of the JSON.
    """
    if path not in (CHAT, TEXT, RESPONSES):
        return None
    try:
        fields = json.loads(body)
        return (fields, _asked(path, fields)) if isinstance(fields, dict) else None
    except (ValueError, TypeError, RecursionError, AttributeError, KeyError):
        return None


def _asked(path: str, fields: dict[str, Any]) -> Asked:
    if path == RESPONSES or "messages" in fields:
        sizes, marks, turn, results = _messages(as_messages(fields) if path == RESPONSES else fields["messages"])
        tokens, prompts = math.nan, 1
    else:
        sizes, marks, tokens, prompts = _prompts(fields.get("prompt", ""))
        turn, results = 0, ()
    many = fields.get("n") or 1
    tenant = fields.get("user")
    extra = fields.get(EXTRA)
    hints = {
        name[len(OURS) :]: value
        for each in (fields, extra)
        if isinstance(each, dict)
        for name, value in each.items()
        if name.startswith(OURS)
    }
    return Asked(
        tenant=storable(tenant) if isinstance(tenant, str) else "",
        sizes=sizes,
        marks=marks,
        tokens=tokens,
        max_tokens=_cap(path, fields),
        tools=_tools(fields.get("tools")),
        turn=turn,
        results=results,
        answers=prompts * (many if isinstance(many, int) and 0 < many < 10_000 else 1),
        stream=fields.get("stream") is True,
        hints=hints,
    )


def _messages(messages: Any) -> tuple[tuple[int, ...], tuple[bytes, ...], int, tuple[tuple[str, int], ...]]:
    """Sizes and marks by message, how many are answers, and the results of calls at the end."""
    mark, size, turn = hashlib.blake2b(digest_size=16), 0, 0
    sizes, marks = [], []
    results: list[tuple[str, int]] = []
    for message in messages:
        text, other = _content(message.get("content"))
        calls = message.get("tool_calls")
        role = str(message.get("role"))
        written = text.encode("utf-8", "surrogatepass")
        rest = json.dumps([role, other, calls]).encode()
        mark.update(b"%d,%d:" % (len(rest), len(written)))
        mark.update(rest)
        mark.update(written)
        here = len(written) + PART_BYTES * len(other) + (len(rest) if calls else 0)
        size += here
        sizes.append(size)
        marks.append(mark.digest())
        if role == "tool":
            results.append((str(message.get("tool_call_id")), here))
        else:
            results.clear()
            turn += role == "assistant"
    return tuple(sizes) or (0,), tuple(marks) or (b"",), turn, tuple(results)


def _content(content: Any) -> tuple[str, list[Any]]:
    """The text of a message, and its parts that are none."""
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        return "", []
    texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    others = [part for part in content if not (isinstance(part, dict) and isinstance(part.get("text"), str))]
    return "".join(texts), others


def _prompts(prompt: Any) -> tuple[tuple[int, ...], tuple[bytes, ...], float, int]:
    """Size and mark of a prompt without messages, its tokens where it is tokens, and how many prompts there are."""
    prompts = prompt if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list) else [prompt]
    size, tokens = 0, 0.0
    mark = hashlib.blake2b(digest_size=16)
    for each in prompts:
        if isinstance(each, str):
            written = each.encode("utf-8", "surrogatepass")
            size += len(written)
            tokens = math.nan
        else:
            written = json.dumps(each).encode()
            tokens += len(each)
            size += 4 * len(each)
        mark.update(b"%d:" % len(written))
        mark.update(written)
    return (size,), (mark.digest(),), tokens, len(prompts)


def _cap(path: str, fields: dict[str, Any]) -> float:
    for name in ("max_output_tokens",) if path == RESPONSES else ("max_completion_tokens", "max_tokens"):
        value = fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return float(min(value, 2**40))
    # 16 is what the API takes where a completion names none; a `prompt` of the Responses API is the name of a template.
    return 16.0 if path != RESPONSES and "prompt" in fields else math.inf


def storable(name: str) -> str:
    """A name as every kind of file can hold it: its first 256 characters, without halves of surrogate pairs."""
    return name[:256].encode("utf-8", "replace").decode()


def _tools(tools: Any) -> tuple[str, ...]:
    names = set()
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and name:
            names.add(storable(name))
    return tuple(sorted(names)[:MOST_TOOLS])


def with_fields(body: bytes, fields: dict[str, Any], priority: int, hints: Mapping[str, Any], *, keep: bool) -> bytes:
    """The body with our priority and hints in place of the client's.

    Args:
        body: As it came.
        fields: What it holds.
        priority: For the engine.
        hints: Names without the prefix, and values.
        keep: Whether the client's own hints stay where we have none.

    Guarantee:
        Where the client sent none of these fields, its bytes stay as they are and ours follow them, if it wrote UTF-8.
    """
    ours = {OURS + name: value for name, value in hints.items()}
    extra = fields.get(EXTRA)
    theirs = [name for name in fields if name in ("priority", EXTRA) or name.startswith(OURS)]
    if not theirs and json.detect_encoding(body).startswith("utf-8"):
        added = json.dumps({"priority": priority} | ({EXTRA: ours} if ours else {}))
        head = body.rstrip().removesuffix(b"}").rstrip()
        return head + (b"" if head.endswith(b"{") else b", ") + added[1:].encode()
    left = {name: value for name, value in fields.items() if not name.startswith(OURS)}
    others = extra if isinstance(extra, dict) else {}
    if keep:
        ours |= {name: value for each in (fields, others) for name, value in each.items() if name.startswith(OURS)}
    left[EXTRA] = {name: value for name, value in others.items() if not name.startswith(OURS)} | ours
    if not left[EXTRA]:
        del left[EXTRA]
    return json.dumps(left | {"priority": priority}).encode()
