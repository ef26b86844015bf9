"""What a plan of `beforehand.ranges` means for a column family."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import Plan, load_plan

VARIABLE: Final = "BEFOREHAND_PLAN"
AREA: Final = "ranges"
NO_FILTER: Final = "none"
LOG: Final = logging.getLogger("beforehand")


@final
@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan's choice, for column families of its key type."""

    source: str  # what messages call it
    key_type: str
    options: Mapping[str, Any]  # of `FilterOptions`
    policy: bytes | None  # the same for the extension, with what these options do not name; None for no filters


def of_plan(plan: Plan, source: str) -> Planned:
    """A plan that was passed, or loaded.

    Raises:
        InvalidInput: It is no plan, or one of another area.
    """
    if not isinstance(plan, Plan):
        raise InvalidInput(
            f"{source} is {plan!r}, but must be a plan; read a file with beforehand.core.load_plan(path)"
        )
    if plan.area != AREA:
        raise InvalidInput(f"{source} is of {plan.area!r}, but must be of {AREA!r}; make it with ranges.plan")
    found: Any = plan  # a RangePlan
    filter = None if found.design == NO_FILTER else found.design
    return Planned(
        source=source,
        key_type=str(found.key_type),
        options={"filter": filter, "bits_per_key": found.bits_per_key},
        policy=None if filter is None else found.policy(),
    )


def of_environment(environment: Mapping[str, str]) -> Planned | None:
    """The plan that BEFOREHAND_PLAN names; None if it names none, or one of another area.

    Raises:
        InvalidInput: The file cannot be read.
        CorruptData: It holds no plan.
    """
    path = environment.get(VARIABLE)
    if not path:
        return None
    plan = load_plan(path)
    if plan.area != AREA:
        LOG.info("%s names a plan of %s, which is none for RocksDB", VARIABLE, plan.area)
        return None
    return of_plan(plan, f"{VARIABLE}={path}")
