"""The requests of a trace: conversations of segments with tool calls between them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.core.trace import Trace
from beforehand.scheduling.inputs import kind_of

MOST_TOKENS: Final = 2**40  # of one count; sums over a trace stay exact in int64
COUNTS: Final = {"prompt_tokens": 1, "output_tokens": 1}  # needed columns and the least each may hold
CALLS: Final = ("output_tokens", "seconds", "return_tokens", "tool")
BY_SEGMENT: Final = ("output", "seconds", "returned", "tool")
OPTIONAL: Final = {"prefix_tokens": 0, "turn": 0, "max_tokens": 1}


@final
@dataclass(frozen=True, slots=True)
class Requests:
    """A trace of kind `requests`, checked, and by segment: conversation `i` has segments `first[i]` to `first[i + 1]`.

    Args:
        arrival: When each conversation came, in seconds.
        prompt: Tokens of its first prompt.
        first: Offsets of segments, one more than there are conversations.
        output: Output tokens by segment.
        seconds: Duration of the call that ends the segment; nan for the last.
        returned: Tokens that the call returns; 0 for the last.
        tool: The call's tool; empty for the last.
        prefix: Number of the shared prompt prefix, -1 for none.
        prefix_tokens: How many tokens of the prompt are that prefix.
        tenant: Whose it is.
        most: The cap on a segment's output; inf without one.
        predicted: The trace's own predictions of last segments; nan without them.
    """

    arrival: NDArray[np.float64]
    prompt: NDArray[np.int64]
    first: NDArray[np.int64]
    output: NDArray[np.int64]
    seconds: NDArray[np.float64]
    returned: NDArray[np.int64]
    tool: NDArray[np.str_]
    prefix: NDArray[np.int64]
    prefix_tokens: NDArray[np.int64]
    tenant: NDArray[np.str_]
    most: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def calls(self) -> int:
        """How many tool calls there are."""
        return len(self.output) - len(self.arrival)

    @property
    def tokens(self) -> NDArray[np.int64]:
        """All tokens of each conversation: prompt, outputs and what its calls return."""
        sums = np.add.reduceat(self.output + self.returned, self.first[:-1])
        tokens: NDArray[np.int64] = self.prompt + sums
        return tokens

    @property
    def tool_seconds(self) -> NDArray[np.float64]:
        """What each conversation spends in calls."""
        seconds: NDArray[np.float64] = np.add.reduceat(np.nan_to_num(self.seconds), self.first[:-1])
        return seconds

    def fitting(self, kv_tokens: int, block_size: int, *, reject: bool) -> NDArray[np.bool_]:
        """Which conversations fit into the KV cache, alone, to their last token.

        Raises:
            CapacityExceeded: one does not, unless `reject`.
        """
        blocks = -(-(self.tokens - 1) // block_size) + 1  # the last token needs no memory; one block is the engine's
        fits: NDArray[np.bool_] = blocks <= kv_tokens // block_size
        if not fits.all() and not reject:
            row = int(np.argmin(fits))
            raise CapacityExceeded(
                f"request {row} has {self.tokens[row]} tokens in all and needs {blocks[row]} blocks of {block_size}, "
                f"but kv_tokens = {kv_tokens} makes {kv_tokens // block_size}; raise it, or pass reject_oversized=True"
            )
        if not fits.any():
            raise CapacityExceeded(f"no request fits into kv_tokens = {kv_tokens}; raise it")
        return fits

    def take(self, keep: NDArray[np.bool_], stretch: float = 1.0) -> "Requests":
        """Only these conversations, with all arrivals multiplied by `stretch`."""
        arrival = self.arrival if stretch == 1.0 else self.arrival * stretch
        if keep.all():
            return replace(self, arrival=arrival)
        counts = np.diff(self.first)
        segments = np.repeat(keep, counts)
        parts = {
            field.name: getattr(self, field.name)[segments if field.name in BY_SEGMENT else keep]
            for field in fields(self)
            if field.name not in ("first", "arrival")
        }
        return Requests(arrival=arrival[keep], first=np.concatenate(([0], np.cumsum(counts[keep]))), **parts)

    @classmethod
    def of(cls, trace: Trace) -> "Requests":
        """The requests of a trace.

        Raises:
            InvalidInput: see `check_requests`.
        """
        kind_of("requests", trace, Trace, "a trace of kind 'requests'")
        if trace.kind != "requests":
            raise InvalidInput(
                f"the trace holds {trace.kind!r}, but must hold 'requests'; convert it with trace convert"
            )
        rows = len(trace)
        if not rows:
            raise InvalidInput("the trace has 0 requests, but needs at least one; record more")
        _check_columns(trace.columns, ("arrival", *COUNTS), "requests need")
        arrival = _seconds("arrival", trace["arrival"])
        late = np.flatnonzero(arrival[1:] < arrival[:-1])
        if len(late):
            raise InvalidInput(
                f"arrival falls at row {late[0] + 1} (from {arrival[late[0]]} to {arrival[late[0] + 1]}), "
                "but must never fall; sort the rows by it"
            )
        counts = {name: _counts(name, trace[name], least) for name, least in COUNTS.items()}
        counts |= {name: _counts(name, trace[name], least) for name, least in OPTIONAL.items() if name in trace.columns}
        prompt, last = counts["prompt_tokens"], counts["output_tokens"]
        calls = np.zeros(rows, np.int64)
        table: dict[str, NDArray[Any]] = {}
        if "calls" in trace.children:
            child = trace.children["calls"]
            _check_columns(child.columns, CALLS, "their calls need")
            calls = np.diff(child.offsets)
            table = {
                "output": _counts("calls/output_tokens", child["output_tokens"], 1),
                "seconds": _seconds("calls/seconds", child["seconds"]),
                "returned": _counts("calls/return_tokens", child["return_tokens"], 0),
                "tool": child["tool"].astype(np.str_),
            }
        first = np.concatenate(([0], np.cumsum(calls + 1)))
        ends = first[1:] - 1
        inner = np.ones(int(first[-1]), np.bool_)
        inner[ends] = False
        output = np.empty(len(inner), np.int64)
        output[ends] = last
        seconds, returned = np.full(len(inner), math.nan), np.zeros(len(inner), np.int64)
        tool = np.zeros(len(inner), table["tool"].dtype if table else "U1")
        if table:
            output[inner], seconds[inner] = table["output"], table["seconds"]
            returned[inner], tool[inner] = table["returned"], table["tool"]
        prefix, prefix_tokens = _prefixes(trace, counts, prompt)
        most = counts["max_tokens"].astype(np.float64) if "max_tokens" in counts else np.full(rows, math.inf)
        over = np.flatnonzero(output > np.repeat(most, calls + 1))
        if len(over):
            row = int(np.searchsorted(first, over[0], side="right") - 1)
            raise InvalidInput(
                f"request {row} puts out {output[over[0]]} tokens, but its max_tokens is {most[row]:g}; correct either"
            )
        tenant = trace["tenant"].astype(np.str_) if "tenant" in trace.columns else np.zeros(rows, "U1")
        predicted = np.full(rows, math.nan)
        if "predicted_tokens" in trace.columns:
            predicted = trace["predicted_tokens"]
            if predicted.dtype.kind not in "iuf" or predicted.ndim != 1:
                raise InvalidInput(
                    f"predicted_tokens has dtype {predicted.dtype}, but must be one number of tokens a row, nan where "
                    "nothing was predicted; convert it"
                )
            predicted = predicted.astype(np.float64)
        return cls(
            arrival, prompt, first, output, seconds, returned, tool, prefix, prefix_tokens, tenant, most, predicted
        )  # fmt: skip


def check_requests(trace: Trace) -> None:
    """Raise unless this is a trace of requests that can be simulated.

    Columns: `arrival` in seconds, never falling; `prompt_tokens` and `output_tokens` (of the last segment) of at least
    1; optional `predicted_tokens`, `prefix_id` with `prefix_tokens`, `tenant`, `max_tokens`, `turn`. The child table
    `calls` has a row for each tool call: the `output_tokens` of the segment that it ends, its `seconds`,
    `return_tokens` and `tool`.

    Raises:
        InvalidInput: it is of another kind, empty or not sorted; a column is missing, or holds what it must not.

    Example:
        >>> trace = Trace("requests", {"arrival": [0.0, 1.5], "prompt_tokens": [40, 25], "output_tokens": [8, 90]})
        >>> check_requests(trace)
    """
    Requests.of(trace)


def _prefixes(
    trace: Trace, counts: dict[str, NDArray[np.int64]], prompt: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which shared prefix each prompt begins with, and how long it is."""
    if "prefix_id" not in trace.columns:
        return np.full(len(prompt), -1), np.zeros(len(prompt), np.int64)
    if "prefix_tokens" not in counts:
        raise InvalidInput("the trace has prefix_id without prefix_tokens; give both columns or neither")
    ids, tokens = trace["prefix_id"], counts["prefix_tokens"]
    longer = np.flatnonzero(tokens > prompt)
    if len(longer):
        row = longer[0]
        raise InvalidInput(
            f"request {row} shares {tokens[row]} tokens of a prompt of {prompt[row]}; prefix_tokens may be at most "
            "prompt_tokens"
        )
    names, numbers = np.unique(ids, return_inverse=True)
    none = (names == "") if ids.dtype.kind == "U" else ~(names >= 0)  # nan, a missing number, is none either
    return np.where(none[numbers], -1, numbers), tokens


def _check_columns(given: Iterable[str], needed: tuple[str, ...], words: str) -> None:
    known = list(given)
    for name in needed:
        if name not in known:
            raise InvalidInput(
                f"there is no column {name!r} among {', '.join(known)}; {words} {', '.join(needed)}, so rename yours, "
                "or add it"
            )


def _seconds(name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype.kind == "U":
        raise InvalidInput(f"{name} is {str(values.flat[0])!r} at row 0, but must be a number of seconds; convert it")
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise InvalidInput(f"{name} has dtype {values.dtype}, but must be one number of seconds a row; convert it")
    seconds = values.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(seconds) & (seconds >= 0)))
    if len(wrong):
        raise InvalidInput(f"{name} is {seconds[wrong[0]]} at row {wrong[0]}, but must be finite and at least 0")
    return seconds


def _counts(name: str, values: NDArray[Any], least: int) -> NDArray[np.int64]:
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise InvalidInput(f"{name} has dtype {values.dtype}, but must be one whole number of tokens a row; convert it")
    numbers = values.astype(np.float64)
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~((numbers >= least) & (numbers <= MOST_TOKENS) & (numbers == np.floor(numbers))))
    if len(wrong):
        raise InvalidInput(
            f"{name} is {values[wrong[0]]} at row {wrong[0]}, but must be a whole number from {least} to 2**40"
        )
    return values.astype(np.int64)
