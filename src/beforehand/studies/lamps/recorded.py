"""Conversations with tool calls as somebody recorded them, drawn anew for each seed."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.studies.lamps.engines import Workload


def replayed(path: str | PathLike[str]) -> Workload:
    """A workload that draws from the conversations of a file, which come as a Poisson process.

    Args:
        path: JSON lines: `tool`, and `segments` with `prompt_tokens`, `completion_tokens`, and for all but the last
            `api_time` in seconds and `api_tokens`. Or a folder with one such file.

    Raises:
        InvalidInput: the file cannot be read, or holds something else.
    """
    file = Path(path)
    if file.is_dir():
        found = sorted(file.glob("*.jsonl"))
        if len(found) != 1:
            raise InvalidInput(f"data is {str(path)!r}, which holds {len(found)} .jsonl files; pass one file")
        file = found[0]
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        recorded = [_conversation(json.loads(line)) for line in lines]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InvalidInput(f"data is {str(path)!r}, but holds no conversations with tool calls ({error})") from error
    if not recorded:
        raise InvalidInput(f"data is {str(path)!r}, but is empty; pass JSON lines of conversations")

    def draw(rate: float, conversations: int, seed: int) -> Trace:
        random = np.random.default_rng(seed)
        chosen = [recorded[place] for place in random.integers(0, len(recorded), conversations)]
        calls = [call for _, _, of in chosen for call in of]
        offsets = np.concatenate(([0], np.cumsum([len(of) for _, _, of in chosen])))
        columns = {
            "arrival": np.cumsum(random.exponential(1 / rate, conversations)),
            "prompt_tokens": np.array([prompt for prompt, _, _ in chosen], np.int64),
            "output_tokens": np.array([last for _, last, _ in chosen], np.int64),
        }
        table = {
            "output_tokens": np.array([each[0] for each in calls], np.int64),
            "seconds": np.array([each[1] for each in calls], np.float64),
            "return_tokens": np.array([each[2] for each in calls], np.int64),
            "tool": np.array([each[3] for each in calls], np.str_),
        }
        return Trace("requests", columns, children={"calls": (offsets, table)})

    return draw


def _conversation(given: dict[str, Any]) -> tuple[int, int, list[tuple[int, float, int, str]]]:
    """First prompt, last answer, and the calls between."""
    *before, last = given["segments"]
    calls = [
        (max(int(each["completion_tokens"]), 1), float(each["api_time"]), int(each["api_tokens"]), str(given["tool"]))
        for each in before
    ]
    return max(int(given["segments"][0]["prompt_tokens"]), 1), max(int(last["completion_tokens"]), 1), calls
