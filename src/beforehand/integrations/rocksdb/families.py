"""What each column family of a database gets: options of its own, a plan's, or those that hold for all."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import Plan
from beforehand.integrations.rocksdb.options import FILTERS, FilterOptions, recorder_for
from beforehand.integrations.rocksdb.planned import of_environment, of_plan
from beforehand.ranges.keys import KEY_KINDS
from beforehand.ranges.recorder import QueryRecorder


@final
@dataclass(frozen=True, kw_only=True)
class Family:
    """A column family, as the extension takes it."""

    name: str
    options: FilterOptions
    policy: bytes | None  # a plan's
    recorder: QueryRecorder

    def native(self) -> tuple[Any, ...]:
        """As native/rocksdb/module.cpp unpacks it."""
        options = self.options
        number = 0 if options.filter is None else FILTERS.index(options.filter) + 1
        kind = KEY_KINDS.index(options.key_type)
        return self.name, number, float(options.bits_per_key), kind, self.policy, self.recorder.ring, False


def settle_families(
    present: Iterable[str], named: Mapping[str, FilterOptions], common: Mapping[str, Any], plan: Plan | None
) -> list[Family]:
    """The families that a database has, and those to create.

    Args:
        present: The names of all that are there, or to be there.
        named: Those with options of their own.
        common: Options of all others; where one is left out, the plan's counts, then the default of `FilterOptions`.
        plan: None for the one of the variable BEFOREHAND_PLAN, if it names one of ranges.

    Raises:
        InvalidInput: An option is out of range; the plan is for keys that no family without options of its own has.
    """
    for name, options in named.items():
        if not isinstance(name, str) or not isinstance(options, FilterOptions):
            raise InvalidInput(f"column_families has {name!r}: {options!r}, but must have FilterOptions for each name")
    names = sorted({*present, *named})
    shared = FilterOptions(**common)
    planned = of_environment(os.environ) if plan is None else of_plan(plan, "plan")
    if planned is not None:
        if planned.key_type != shared.key_type or not set(names) - set(named):
            others = f"{shared.key_type} keys" if set(names) - set(named) else "options of their own"
            raise InvalidInput(
                f"{planned.source} is for {planned.key_type} keys, but all column families have {others}; "
                "pass its key_type, or another plan"
            )
        shared = FilterOptions(**{**planned.options, **common})
    families = []
    for name in names:
        options = named.get(name, shared)
        policy = planned.policy if planned is not None and name not in named else None
        families.append(Family(name=name, options=options, policy=policy, recorder=recorder_for(options)))
    return families
