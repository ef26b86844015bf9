"""What an engine has served, as a trace of kind `requests`."""

import itertools
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.trace import Trace

MOST: Final = 1_000_000  # segments; what comes later is counted, not kept
PREFIX: Final = 64  # tokens by which prompts with the same beginning are known


@final
@dataclass(frozen=True, slots=True)
class Segment:
    """One finished answer; times in seconds since the engine started."""

    conversation: str
    tenant: str
    enqueued: float
    first_token: float
    finished: float
    prompt_tokens: int
    output_tokens: int
    predicted_tokens: float
    max_tokens: int
    prefix: int  # a hash of the first 64 tokens; -1 for a shorter prompt
    preemptions: int
    tool: str  # that it ended in a call of; "" for none
    handling: str


@final
class TraceRecorder:
    """Keeps finished answers, and makes conversations of them: a million answers at most, 300 bytes each."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self.dropped = 0

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._segments)

    def add(self, segment: Segment) -> None:
        """Keep an answer."""
        if len(self._segments) < MOST:
            self._segments.append(segment)
        else:
            self.dropped += 1

    def trace(self) -> Trace:
        """A row for each conversation, in the order of arrival, with a child row for each of its calls.

        `first_token` is that of the conversation, `finished` that of its last answer; a prompt that begins as another
        one does has a `prefix_id`. Answers of one conversation belong together if the later one's prompt holds at least
        what the earlier one left; else they are conversations of their own, which came when their first request did.
        """
        rows = sorted(self._conversations(), key=lambda row: row[0].enqueued)
        common = Counter(row[0].prefix for row in rows)
        prefixes = [row[0].prefix if common[row[0].prefix] > 1 else -1 for row in rows]
        columns: dict[str, Any] = {
            "arrival": [row[0].enqueued for row in rows],
            "prompt_tokens": [row[0].prompt_tokens for row in rows],
            "output_tokens": [row[-1].output_tokens for row in rows],
            "predicted_tokens": [row[-1].predicted_tokens for row in rows],
            "max_tokens": [max(segment.max_tokens for segment in row) for row in rows],
            "tenant": np.array([row[0].tenant for row in rows], np.str_),
            "prefix_id": prefixes,
            "prefix_tokens": [PREFIX if prefix >= 0 else 0 for prefix in prefixes],
            "enqueued": [row[-1].enqueued for row in rows],
            "first_token": [row[0].first_token for row in rows],
            "finished": [row[-1].finished for row in rows],
            "preemptions": [sum(segment.preemptions for segment in row) for row in rows],
        }
        calls = [pair for row in rows for pair in itertools.pairwise(row)]
        offsets = np.cumsum([0, *(len(row) - 1 for row in rows)])
        below = {
            "output_tokens": np.array([before.output_tokens for before, _ in calls], np.int64),
            "seconds": np.array([after.enqueued - before.finished for before, after in calls], np.float64),
            "return_tokens": np.array([_returned(before, after) for before, after in calls], np.int64),
            "tool": np.array([before.tool for before, _ in calls], np.str_),
            "handling": np.array([before.handling for before, _ in calls], np.str_),
        }
        return Trace("requests", columns, children={"calls": (offsets, below)}, meta={"dropped": self.dropped})

    def _conversations(self) -> list[list[Segment]]:
        known: dict[tuple[str, str], list[Segment]] = {}
        found = []
        for segment in list(self._segments):
            name = (segment.tenant, segment.conversation)
            row = known.get(name) if segment.conversation else None
            if row is not None and segment.enqueued >= row[-1].finished and _returned(row[-1], segment) >= 0:
                row.append(segment)
                continue
            row = [segment]
            found.append(row)
            if segment.conversation:
                known[name] = row
        return found


def _returned(before: Segment, after: Segment) -> int:
    """Tokens that the later prompt has beyond what the earlier answer left."""
    return after.prompt_tokens - before.prompt_tokens - before.output_tokens


def prefix_of(prompt: list[int] | None) -> int:
    """A number for the first 64 tokens; -1 if there are fewer."""
    if prompt is None or len(prompt) < PREFIX:
        return -1
    return hash(tuple(prompt[:PREFIX])) & 0x7FFF_FFFF


@final
class StepRecorder:
    """The last 65,536 iterations, as `calibrate --steps` reads them: new tokens, context, prefill pairs, seconds."""

    ROWS: Final = 65_536

    def __init__(self) -> None:
        self._rows = np.full((self.ROWS, 4), math.nan)
        self._count = 0

    def add(self, new_tokens: int, context_tokens: int, prefill_pairs: int, seconds: float) -> None:
        """Keep an iteration; the oldest makes room."""
        self._rows[self._count % self.ROWS] = new_tokens, context_tokens, prefill_pairs, seconds
        self._count += 1

    def columns(self) -> dict[str, NDArray[Any]]:
        """The iterations in the order in which they ran."""
        first = self._count % self.ROWS if self._count > self.ROWS else 0
        rows = np.roll(self._rows, -first, axis=0)[: min(self._count, self.ROWS)]
        counts = {name: rows[:, at].astype(np.int64) for at, name in enumerate(("new_tokens", "context_tokens"))}
        return counts | {"prefill_pairs": rows[:, 2], "seconds": rows[:, 3]}
