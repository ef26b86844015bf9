"""Rows of a trace of requests as conversations with tokens of their own."""

from dataclasses import dataclass
from typing import final

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput

LONGEST = 1 << 24  # tokens; what keeps the tokens of two conversations apart


@final
@dataclass(frozen=True, slots=True)
class Conversation:
    """One row: for each segment the tokens that it adds to the context and those that it answers with."""

    number: int
    arrival: float
    added: tuple[int, ...]  # the prompt, then what each tool returns
    outputs: tuple[int, ...]
    calls: tuple[float, ...]  # seconds of the call behind each segment but the last
    prefix: int  # which shared prefix its prompt begins with; -1: none
    prefix_tokens: int

    def tokens(self, start: int, stop: int) -> list[int]:
        """Its tokens from place `start` to `stop`: equal ones only where two conversations share a prefix."""
        own = (self.number + 1) * LONGEST
        shared = min(stop, self.prefix_tokens) if self.prefix >= 0 else 0
        common = -(self.prefix + 1) * LONGEST
        return [common + place for place in range(start, shared)] + [
            own + place for place in range(max(start, shared), stop)
        ]


def conversations(requests: Trace) -> list[Conversation]:
    """The rows of a trace of kind `requests`, in its order.

    Raises:
        InvalidInput: The trace is of another kind.
    """
    if requests.kind != "requests":
        raise InvalidInput(f"the trace is of kind {requests.kind!r}, but must be of kind 'requests'; convert it first")
    calls = requests.children.get("calls")
    columns = requests.columns
    found = []
    for row in range(len(requests)):
        added, outputs, seconds = [int(columns["prompt_tokens"][row])], [], []
        if calls is not None:
            for call in range(int(calls.offsets[row]), int(calls.offsets[row + 1])):
                outputs.append(int(calls["output_tokens"][call]))
                seconds.append(float(calls["seconds"][call]))
                added.append(int(calls["return_tokens"][call]))
        outputs.append(int(columns["output_tokens"][row]))
        shared = "prefix_id" in columns and "prefix_tokens" in columns
        found.append(
            Conversation(
                number=row,
                arrival=float(columns["arrival"][row]),
                added=tuple(added),
                outputs=tuple(outputs),
                calls=tuple(seconds),
                prefix=int(columns["prefix_id"][row]) if shared else -1,
                prefix_tokens=int(columns["prefix_tokens"][row]) if shared else 0,
            )
        )
    return found
