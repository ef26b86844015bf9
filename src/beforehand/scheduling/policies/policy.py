"""The policy interface: what a policy answers when it sees a job."""

from typing import Any, Protocol, runtime_checkable

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import flag, kind_of
from beforehand.scheduling.policies.stages import Stages
from beforehand.scheduling.policies.view import By, View


@runtime_checkable
class Policy(Protocol):
    """An order in which jobs are served; any object with these four methods is one.

    A policy whose ranks change while jobs wait has a further attribute, `timed = True`, and finds the time in
    `view.now`; for others that is nan. Its `stages()` are None.

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
