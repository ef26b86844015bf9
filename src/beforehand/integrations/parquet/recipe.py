"""How the filters of each column are built: by arguments, by a plan, or by the plan that BEFOREHAND_PLAN names."""

import inspect
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np

from beforehand.core import load_plan
from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.bounds import exact, key_of
from beforehand.integrations.parquet.column_type import ColumnType, Keys
from beforehand.ranges import FILTERS
from beforehand.ranges.bounds import encode_bounds
from beforehand.ranges.native_filter import check_seed
from beforehand.ranges.queries import Queries, ends_of

AREA: Final = "ranges"
PLAN: Final = "BEFOREHAND_PLAN"
DEFAULTS: Final = {"filter": "proteus", "bits_per_key": 12.0, "seed": 0}
OF_PLANS: Final = ("bits_per_key", "max_probes", "worst_case", "seed")
logger = logging.getLogger("beforehand")


@final
@dataclass(frozen=True)
class Recipe:
    """How the filters of a column are built.

    Args:
        filter: Name in `FILTERS`.
        options: For its `build`; those that it does not take are left away.
        queries: A sample as keys of filters; None: there is none yet.
    """

    filter: str
    options: Mapping[str, Any]
    queries: tuple[Any, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown filter."""
        if self.filter not in FILTERS:
            raise InvalidInput(f"filter is {self.filter!r}, but must be one of {', '.join(FILTERS)}")

    @property
    def wants_queries(self) -> bool:
        """Whether the filter designs itself by a sample, and has none."""
        return self.queries is None and "queries" in self._taken

    def with_queries(self, queries: tuple[Any, Any] | None) -> "Recipe":
        """The same with a sample."""
        return replace(self, queries=queries)

    def build(self, keys: Keys) -> bytes:
        """A filter of these keys, as bytes."""
        options = {**self.options, "queries": self.queries}
        make: Any = FILTERS[self.filter]
        built: bytes = make.build(keys, **{name: options[name] for name in options if name in self._taken}).to_bytes()
        return built

    @property
    def _taken(self) -> Mapping[str, Any]:
        make: Any = FILTERS[self.filter]
        return inspect.signature(make.build).parameters


def plan_for(plan: Any, types: Mapping[str, ColumnType]) -> Any:
    """The plan to build by, or None: the one that was given, or else that of the environment.

    Args:
        plan: A plan of ranges, or None.
        types: Of the columns, by name.

    Raises:
        InvalidInput: It is a plan of something else, or serves none of the columns.
        CorruptData: The file that the environment names holds no plan.
    """
    named, source = os.environ.get(PLAN), "plan"
    if plan is None and named:
        plan, source = load_plan(named), f"{PLAN} names {named}, which"
        if plan.area != AREA:
            logger.info("%s is a plan of %s, and none for ranges: left alone", named, plan.area)
            return None
    if plan is None:
        return None
    if getattr(plan, "area", None) != AREA or not hasattr(plan, "key_type"):
        raise InvalidInput(f"plan is {type(plan).__name__}, but must be one of ranges; make it with ranges plan")
    if not any(serves(plan, type_) for type_ in types.values()):
        held = ", ".join(f"{name} ({type_.name})" for name, type_ in types.items())
        raise InvalidInput(
            f"{source} is for keys of {plan.key_type}, but of the columns {held} none holds such; plan anew"
        )
    return plan


def serves(plan: Any, type_: ColumnType) -> bool:
    """Whether the sample of a plan is of a column's keys."""
    return bool(plan.key_type == type_.key_type or (plan.key_type.kind == "str" and type_.text))


def recipe_for(
    column: str, type_: ColumnType, queries: Queries | None, plan: Any, options: Mapping[str, Any]
) -> Recipe:
    """What is said about a column, most specific first: arguments, a plan that serves it, the defaults.

    Raises:
        InvalidInput: An option is out of range, a sample is not of the column's kind, or the plan says not to bother.
    """
    chosen = {**DEFAULTS, **options}
    check_seed(chosen["seed"])
    sample = None if queries is None else sample_of(queries, type_, f"queries[{column!r}]")
    if plan is not None and serves(plan, type_):
        if plan.design == "none" and "filter" not in options:
            raise InvalidInput(
                f"the plan says don't bother for column {column}: {plan.why}; pass filter= to build all the same"
            )
        taken = {name: getattr(plan, name) for name in OF_PLANS} | {"filter": plan.design}
        chosen = {**DEFAULTS, **taken, **options}
        if sample is None:
            sample = sample_of(plan.sample.queries, type_, "the plan's queries")
    return Recipe(chosen.pop("filter"), chosen, sample)


def sample_of(queries: Queries, type_: ColumnType, name: str) -> tuple[Any, Any]:
    """A sample of closed ranges as keys of filters.

    Raises:
        InvalidInput: It is no sample, or its bounds are not of the column's kind.
    """
    lo, hi = ends_of(queries, name)
    for side in (lo, hi):
        if isinstance(side, str | bytes) or not hasattr(side, "__len__") or getattr(side, "ndim", 1) != 1:
            shown = str(side).partition("\n")[0][:40]
            raise InvalidInput(f"{name} hold {type(side).__name__} {shown} for lo or hi; pass 1-D arrays or lists")
    if len(lo) != len(hi):
        raise InvalidInput(f"{name} have {len(lo)} lower bounds and {len(hi)} upper ones; pass as many of each")
    if type_.form in ("whole", "float") and not type_.is_decimal and all(map(_is_numeric, (lo, hi))):
        try:
            encode_bounds(type_.key_type, 64, lo, hi)  # what is refused is so before the work begins
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error}") from None
        return lo, hi
    ends = []
    for side, bounds in (("lo", lo), ("hi", hi)):
        given = bounds.tolist() if isinstance(bounds, np.ndarray) and bounds.dtype.kind in "SUTO" else bounds
        ends.append([key_of(type_, exact(type_, bound, f"{side}[{i}] of {name}")) for i, bound in enumerate(given)])
    return ends[0], ends[1]


def _is_numeric(bounds: Any) -> bool:
    return isinstance(bounds, np.ndarray) and bounds.dtype.kind in "uifMm"
