"""What a gateway takes from the file of a plan."""

from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import load_plan
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving.plan.serving_plan import ServingPlan


class Planned(NamedTuple):
    """The order, the predictor of lengths or None, and what an iteration costs."""

    policy: Policy
    lengths: Any
    profile: EngineProfile


def read_plan(path: str | PathLike[str]) -> Planned:
    """The plan in a file, and its predictor from the same folder.

    Predictions that belonged to the plan's own trace are left out: the mean takes their place.

    Raises:
        InvalidInput: a file cannot be read, or the plan is for something else.
        CorruptData: a file is damaged, or not the one that the plan was made with.
    """
    plan = load_plan(path)
    if not isinstance(plan, ServingPlan):
        raise InvalidInput(f"{path} is a plan of {plan.area}, but must be one of scheduling plan-serving; pass that")
    built = plan.build(Path(path).parent)
    lengths = built.get("lengths")
    return Planned(built["policy"], lengths if hasattr(lengths, "predict") else None, built["profile"])
