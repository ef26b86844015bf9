"""The policy interface: what a policy answers when it sees a job."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import flag, kind_of, one_of
from beforehand.scheduling.policies.stages import Stages
from beforehand.scheduling.policies.view import NUMBERS, TOOL_NUMBERS, By, ToolView, View

Reads = Literal["request", "engine", "clock"]
WHOLE: Final = ("sequence", "context", "resident", "host", "served", "preemptions")


@runtime_checkable
class Policy(Protocol):
    """An order in which jobs are served; any object with these four methods is one.

    A policy whose ranks change while jobs wait has a further attribute, `timed = True`, and finds the time in
    `view.now`; for others that is nan. Its `stages()` are None.

    More are for LLM engines. `depends_on` says what the rank of a waiting request reads besides the request itself:
    `"request"`, nothing, if it is absent; `"engine"`, the state of the engine, so that it is ranked anew when that
    changes. `rank_many(columns, engine)` ranks all waiting requests at once, from the arrays of `columns_of`. The
    simulator of engines calls `finished(latency, now)`, in seconds, when a conversation has ended.

    Guarantee:
        Engines and `PredictionQueue` serve the lowest rank first, and of equal ranks the one that arrived first. Those
        of a timed policy are compared as they are when a server becomes free, or a running job is asked to yield.
    """

    def rank(self, view: View) -> float:
        """The job's rank now; never nan."""

    def review_age(self, view: View) -> float:
        """The next age at which the rank may jump, inf if never; until then it may only fall as the job is served."""

    def asks(self, view: View) -> By | None:
        """The prediction wanted next, given those that the view holds."""

    def stages(self) -> Stages | None:
        """The same order as data, or None: then only the Python engine can run it."""


def check_policy(policy: Any) -> None:
    """Raise unless this is a policy.

    Raises:
        InvalidInput: it is a name, a class or anything else.
    """
    if isinstance(policy, type) or not isinstance(policy, Policy):
        raise InvalidInput(f"policy is {policy!r}, but must be an object such as SPJF(); see Policy")


def is_timed(policy: Policy) -> bool:
    """Whether the policy's ranks change while jobs wait.

    Raises:
        InvalidInput: its `timed` is not a bool.
    """
    return flag("timed", getattr(policy, "timed", False))


def depends_on(policy: Policy) -> Reads:
    """What the rank of a waiting request reads besides the request: nothing, the engine, or the clock.

    Raises:
        InvalidInput: its `depends_on` is another word.
    """
    if is_timed(policy):
        return "clock"
    reads: Reads = getattr(policy, "depends_on", "request")
    one_of("depends_on", reads, get_args(Reads))
    return reads


def rank_many(policy: Policy, columns: Mapping[str, NDArray[Any]], engine: EngineView | None) -> NDArray[np.float64]:
    """The ranks of many waiting requests, by the policy's own `rank_many` or one by one.

    Args:
        policy: Any policy.
        columns: What `columns_of` returns.
        engine: The engine's state.
    """
    many = getattr(policy, "rank_many", None)
    if many is not None:
        return np.asarray(many(columns, engine), np.float64)
    rows = [
        dict(zip(columns, values, strict=True))
        for values in zip(*(each.tolist() for each in columns.values()), strict=True)
    ]
    return np.array([policy.rank(_view(row, engine)) for row in rows], np.float64)


def _view(row: dict[str, Any], engine: EngineView | None) -> View:
    """The view of a waiting request, from its numbers."""
    numbers: dict[str, Any] = {name: int(row[name]) if name in WHOLE else row[name] for name in NUMBERS if name in row}
    tool: dict[str, Any] = {name: row[f"tool_{name}"] for name in TOOL_NUMBERS if f"tool_{name}" in row}
    expected = ToolView(**tool) if tool.get("probability") else None
    return View(**numbers | {"started": bool(numbers.get("started"))}, tool=expected, engine=engine)


def stages_of(policy: Any) -> Stages | None:
    """What the policy's `stages()` returns, checked.

    Raises:
        InvalidInput: this is not a policy, or its stages are not `Stages`, or a field of theirs is out of range; the
            policy is timed, which stages cannot say.
    """
    check_policy(policy)
    stages: Stages | None = policy.stages()
    if stages is not None:
        if is_timed(policy):
            raise InvalidInput(f"{policy!r} is timed, but stages know no time; return None from its stages()")
        kind_of("stages()", stages, Stages, "one, or None")
        stages.validate()
    return stages
