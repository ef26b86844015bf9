"""What a policy sees of a job."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from typing import Any, Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.engine_view import EngineView

By = Literal["cheap", "expensive"]

FIRST = -math.inf  # cannot be overtaken
BANDS = (-2e300, -1e300)  # two first-come-first-served classes before every job that has a key
UNKNOWN = 1e299  # a job whose prediction is not there yet; ranks made of predictions lie within +-1e299


@dataclass(slots=True)
class ToolView:
    """What is known about the tool call at the end of an answer; nan where nobody knows.

    Args:
        name: The tool.
        seconds: How long the call will take from now on, as far as predicted.
        return_tokens: Tokens that it will return.
        after_tokens: Output tokens of the answer that follows it.
        elapsed: Seconds since the call began; 0 before.
        probability: How likely a call is at all; 1 if it is known to come.
    """

    name: str = ""
    seconds: float = math.nan
    return_tokens: float = math.nan
    after_tokens: float = math.nan
    elapsed: float = 0.0
    probability: float = 1.0


@dataclass(slots=True)
class View:
    """What a policy may know about a job; an engine owns it, keeps it up to date and reuses it: keep no reference.

    On a single server only the fields up to `now` are filled. In an LLM engine a job is a *segment*, one answer of a
    conversation, up to a tool call or to the end; times are in seconds, amounts in tokens.

    Args:
        arrival: When it came; of a segment, when its conversation came.
        sequence: Its place in the order of arrival, which breaks every tie.
        age: Service received so far, with prediction work where the same server does it; of a segment: output tokens.
        started: Whether it was ever served.
        cheap: The cheap prediction: a number, or 0 and 1 for shorter and longer; nan if not asked.
        predicted: The expensive prediction of the whole size, which stays as it was made; nan if not asked.
        remaining: A refreshed estimate of what is left; nan if there is none.
        now: The time at which the job is ranked, in the unit of `arrival`; nan unless the policy is `timed`.
        tenant: Whose job it is.
        enqueued: When this segment became ready, by its arrival or by the return of a tool.
        context: Tokens that must be in the KV cache before the next output token.
        resident: Of these, those in the KV cache now.
        cached: Of these, those that a prefix cache is expected to hold when it is admitted; 0 while `resident` is not.
        host: Of these, those in the host tier.
        served: Output tokens of the conversation's earlier segments.
        max_tokens: The caller's cap on the output.
        state: `"waiting"`, `"running"` or `"paused"` by a tool call.
        preemptions: How often this segment was preempted.
        tool: The call that is expected at its end; None if none is.
        engine: The engine; None on a single server.
    """

    arrival: float
    sequence: int
    age: float = 0.0
    started: bool = False
    cheap: float = math.nan
    predicted: float = math.nan
    remaining: float = math.nan
    now: float = math.nan
    tenant: str = ""
    enqueued: float = math.nan
    context: int = 0
    resident: int = 0
    cached: float = 0.0
    host: int = 0
    served: int = 0
    max_tokens: float = math.inf
    state: str = "waiting"
    preemptions: int = 0
    tool: ToolView | None = None
    engine: EngineView | None = None

    def key(self, by: By) -> float:
        """The prediction that a policy goes by; nan if it is not there."""
        return self.predicted if by == "expensive" else self.cheap

    def left(self, by: By, work: float = 0.0) -> float:
        """What is left by the newest estimate, with `work` units of age spent on predicting; `UNKNOWN` without one."""
        if by == "expensive" and self.remaining == self.remaining:
            return self.remaining
        key = self.predicted if by == "expensive" else self.cheap
        return key - (self.age - work) if key == key else UNKNOWN


NUMBERS: Final = (
    "arrival", "sequence", "age", "started", "cheap", "predicted", "remaining", "enqueued", "context", "resident",
    "cached", "host", "served", "max_tokens", "preemptions",
)  # fmt: skip
TOOL_NUMBERS: Final = ("seconds", "return_tokens", "after_tokens", "elapsed", "probability")
TOOL: Final = "tool_"  # before the names of a tool's numbers
COLUMNS: Final = (*NUMBERS, *(TOOL + name for name in TOOL_NUMBERS))
NO_TOOL: Final = ToolView(elapsed=math.nan, probability=0.0)


@final
class ViewColumns(Mapping[str, NDArray[np.float64]]):
    """The numbers of many views as arrays, each of which is read when it is first asked for."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        self._tools: list[ToolView] | None = None
        self._read: dict[str, NDArray[np.float64]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A number of all views; a tool's is nan where no call is expected."""
        found = self._read.get(name)
        if found is None:
            if name not in COLUMNS:
                raise KeyError(name)
            owners: Sequence[Any] = self._views if name in NUMBERS else self._calls()
            field = name if name in NUMBERS else name.removeprefix(TOOL)
            found = self._read[name] = np.fromiter(map(attrgetter(field), owners), np.float64, len(owners))
        return found

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter(COLUMNS)

    def __len__(self) -> int:
        """How many names there are."""
        return len(COLUMNS)

    def renewed(self, keep: NDArray[np.bool_], more: Sequence[View]) -> "ViewColumns":
        """The columns of the views to keep, with others behind them: what has been read of the former stays as it was.

        Args:
            keep: For each view whether to keep it.
            more: The others.
        """
        fresh = ViewColumns(more)
        renewed = ViewColumns([*compress(self._views, keep.tolist()), *more])
        rows = np.flatnonzero(keep)
        renewed._read = {name: np.concatenate((found[rows], fresh[name])) for name, found in self._read.items()}
        return renewed

    def _calls(self) -> list[ToolView]:
        if self._tools is None:
            self._tools = [view.tool or NO_TOOL for view in self._views]
        return self._tools


def columns_of(views: Sequence[View]) -> Mapping[str, NDArray[np.float64]]:
    """The numbers of many views as arrays, which is what a policy's `rank_many` takes.

    An array is made when it is first asked for: use them before the views change. That takes .4 ms for each number of
    10,000 views, and a policy needs few of them.

    Returns:
        An array for each numeric field, under its name; those of the tool under `tool_seconds` and so on, nan where no
        call is expected, and there `tool_probability` is 0.
    """
    return ViewColumns(views)
