"""The policy interface: what a policy answers when it sees a job."""

from typing import Any, Protocol, get_args, runtime_checkable

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, flag, kind_of, listed, one_of, whole
from beforehand.scheduling.policies.stages import MOST_BAND, Order, Row, StageTable
from beforehand.scheduling.policies.view import By, View


@runtime_checkable
class Policy(Protocol):
    """An order in which jobs are served; any object with these four methods is one.

    Guarantee:
        Engines and `PredictionQueue` serve the lowest rank first, and of equal ranks the one that arrived first.
    """

    def rank(self, view: View) -> float:
        """The job's rank now; never nan."""

    def review_age(self, view: View) -> float:
        """The next age at which the rank may jump, inf if never; until then it may only fall as the job is served."""

    def asks(self, view: View) -> By | None:
        """The prediction wanted next, given those that the view holds."""

    def stages(self) -> StageTable | None:
        """The same order as data, or None: then only the Python engine can run it."""


def check_policy(policy: Any) -> None:
    """Nothing, if it is a policy.

    Raises:
        InvalidInput: it is a name, a class or anything else.
    """
    if isinstance(policy, type) or not isinstance(policy, Policy):
        raise InvalidInput(f"policy is {policy!r}, but must be an object such as SPJF(); see Policy")


def stages_of(policy: Any) -> StageTable | None:
    """What the policy's `stages` tells.

    Raises:
        InvalidInput: it is no policy, or its stages are no table of rows, or hold what is no number.
    """
    check_policy(policy)
    table: StageTable | None = policy.stages()
    if table is None:
        return None
    kind_of("stages()", table, StageTable, "one, or None")
    if table.threshold == table.threshold:  # no nan
        checked("threshold", table.threshold)
    one_of("by", table.by, get_args(By))
    flag("start_pins", table.start_pins)
    if not table.long:
        raise InvalidInput(f"stages() of {policy!r} have no rows for long jobs; give at least one")
    for row in listed("long", table.long, "rows") + listed("short", table.short, "rows"):
        kind_of("a row of stages()", row, Row, "such as Row(0, 'fcfs')")
        whole("band", row.band, least=-MOST_BAND, most=MOST_BAND)
        one_of("order", row.order, get_args(Order))
        checked("fixed", row.fixed)
        checked("per_key", row.per_key)
        flag("prediction", row.prediction)
    return table
