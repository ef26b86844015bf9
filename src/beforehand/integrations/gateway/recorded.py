"""What passed a gateway, as a trace of kind `requests`."""

from collections import deque
from os import PathLike
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from beforehand.core import Trace
from beforehand.integrations.gateway.conversations import Conversation

MOST_ROWS: Final = 1_000_000  # the newest are kept


@final
class RecordedRequests:
    """Conversations that came to their end, a row each; the newest million.

    Args:
        path: Where `save` writes them; the ending names the format: npz, jsonl or parquet.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._rows: deque[tuple[Any, ...]] = deque(maxlen=MOST_ROWS)

    def __len__(self) -> int:
        """How many conversations there are."""
        return len(self._rows)

    def append(self, conversation: Conversation, output_tokens: float, predicted: float, finished: float) -> None:
        """A conversation has ended with an answer of so many tokens; one of unknown length is left out."""
        if not output_tokens >= 1 or any(call.output_tokens < 1 for call in conversation.calls):
            return
        calls = [
            (call.output_tokens, call.seconds, max(call.return_tokens, 0), call.tool) for call in conversation.calls
        ]
        times = conversation.arrival, conversation.first_token, finished
        counts = max(conversation.prompt_tokens, 1), int(output_tokens), predicted
        self._rows.append((*times, *counts, conversation.tenant, calls))

    def trace(self) -> Trace:
        """The conversations in the order in which they came."""
        rows = sorted(self._rows, key=lambda row: row[0])
        arrival, first, finished, prompt, output, predicted, tenant, calls = zip(*rows, strict=True)
        every = [call for each in calls for call in each]
        children = {}
        if every:
            tokens, seconds, returned, tool = zip(*every, strict=True)
            offsets = np.concatenate(([0], np.cumsum([len(each) for each in calls])))
            columns = {"output_tokens": np.array(tokens, np.int64), "seconds": np.array(seconds, np.float64)}
            columns |= {"return_tokens": np.array(returned, np.int64), "tool": np.array(tool, np.str_)}
            children["calls"] = (offsets, columns)
        begin = arrival[0]
        enqueued = np.array(arrival) - begin
        table: dict[str, Any] = {
            "arrival": enqueued,
            "prompt_tokens": np.array(prompt, np.int64),
            "output_tokens": np.array(output, np.int64),
            "tenant": np.array(tenant, np.str_),
            "enqueued": enqueued,
            "first_token": np.array(first) - begin,
            "finished": np.array(finished) - begin,
            "preemptions": np.zeros(len(rows), np.int64),
        }
        expected = np.array(predicted, np.float64)
        if np.isfinite(expected).all() and not every:
            table["predicted_tokens"] = expected
        return Trace("requests", table, children=children, meta={"recorded_by": "gateway", "began": begin})

    def save(self) -> None:
        """Write all rows; without any, nothing.

        Raises:
            InvalidInput: the file cannot be written.
        """
        if self._rows:
            self.trace().save(self.path)
