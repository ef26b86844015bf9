"""The tokens with which models begin a tool call."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Final

MARKS: Final = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>")
MOST_BYTES: Final = 1 << 25


def tool_tokens(model: str) -> frozenset[int]:
    """Those of `MARKS` that a model's tokenizer knows as one token, empty if it cannot be told.

    Args:
        model: A folder, or a name whose `tokenizer_config.json` is in Hugging Face's cache. Nothing is fetched.
    """
    path: Any = Path(model, "tokenizer_config.json")
    if not path.is_file():
        path = _cached(model)
    try:
        if path is None or path.stat().st_size > MOST_BYTES:
            return frozenset()
        known = json.loads(path.read_text("utf-8"))["added_tokens_decoder"]
        return frozenset(int(number) for number, token in known.items() if token["content"] in MARKS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()


def _cached(model: str) -> Path | None:
    try:
        found = import_module("huggingface_hub").try_to_load_from_cache(model, "tokenizer_config.json")
    except (ImportError, ValueError):
        return None
    return Path(found) if isinstance(found, str) else None
