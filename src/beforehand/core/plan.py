"""Plans: what each offers, and how JSON holds it."""

import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

import beforehand
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import Outcome, Report, Verdict


@runtime_checkable
class Plan(Protocol):
    """What every frozen plan offers; each area has final classes of its own, whose `build` makes the design.

    A class is found by `load_plan` if `beforehand.<area>.plan` holds it under its name; an area inside another is
    written with a dot, as in `scheduling.serving`.
    """

    @property
    def area(self) -> str:
        """The area that made it."""

    @property
    def design(self) -> str:
        """The name of the chosen design."""

    @property
    def expected(self) -> Outcome:
        """What the design is expected to reach."""

    @property
    def price(self) -> Price:
        """What the knowledge behind the design costs."""

    @property
    def baseline(self) -> Outcome:
        """The strongest practical design that knows nothing beforehand."""

    @property
    def alternatives(self) -> Sequence[Outcome]:
        """The designs that were considered and lost."""

    @property
    def verdict(self) -> Verdict:
        """Whether the design is worth its price."""

    def audit(self, holdout: Any) -> Report:
        """What the design reaches on data that the plan never saw, beside what was expected."""

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""

    def to_json(self) -> str:
        """A JSON object whose `area` and `kind`, the name of the class, say what can read it; see `plan_json`."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote."""


def check_plan(plan: object, kind: type) -> None:
    """Raise unless an audit was given what this area's `plan` returned.

    Raises:
        InvalidInput: it is something else.

    Example:
        >>> check_plan(5, dict)
        Traceback (most recent call last):
        beforehand.core.errors.InvalidInput: plan is of type int, but must be a dict; pass first what plan(...) returned
    """
    if not isinstance(plan, kind):
        name = type(plan).__name__
        raise InvalidInput(f"plan is of type {name}, but must be a {kind.__name__}; pass first what plan(...) returned")


def load_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan of any area.

    The file's `area` and `kind` name a module and a class in it: `beforehand.<area>.plan.<kind>`. Files written before
    plans had kinds are read by that module's `from_json`.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: the file does not hold a plan, or one of an area or a kind that this version does not have.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode()
        fields = bounded_json(text)
        area, kind = fields["area"], fields.get("kind")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptData(
            f"{path} is not a plan: it must be a JSON object that names its area; write it again with to_json()"
        ) from error
    reader = _reader(area, kind)
    if reader is None:
        of = f"area {area!r}" if kind is None else f"area {area!r} and kind {kind!r}"
        raise CorruptData(f"{path} is a plan of {of}, which this version does not have; use the one that made it")
    try:
        plan: Plan = reader.from_json(text)
    except CorruptData as error:
        raise CorruptData(f"{path}: {error}") from error
    return plan


def _reader(area: Any, kind: Any) -> Any:
    """The class that reads plans of this kind, or the module of the area where no kind is named; None without one."""
    if not isinstance(area, str) or area.partition(".")[0] == "core":
        return None
    package = "beforehand"
    for part in (*area.split("."), "plan"):
        if not part.isidentifier():
            return None
        spec = find_spec(f"{package}.{part}")
        if spec is None or (part != "plan" and spec.submodule_search_locations is None):
            return None
        package = f"{package}.{part}"
    module = import_module(package)
    found = module if kind is None else getattr(module, str(kind), None)
    return found if kind is None or (isinstance(found, type) and hasattr(found, "from_json")) else None


def plan_json(plan: Plan, fields: Mapping[str, Any]) -> str:
    """The JSON object of a plan: its area and kind, then its fields."""
    return json.dumps({"area": plan.area, "kind": type(plan).__name__} | dict(fields), indent=2, allow_nan=False)


def bounded_json(text: str) -> Any:
    """What JSON says, with no integer beyond 64 bits and no number that is not finite: whoever reads it may compute.

    Raises:
        ValueError: `text` is not such JSON.
    """
    return json.loads(text, parse_int=_bounded, parse_float=_finite, parse_constant=_finite)


def _bounded(digits: str) -> int:
    if len(digits) > 20 or abs(number := int(digits)) >= 2**64:
        raise ValueError(f"an integer of {len(digits)} digits, but the largest has 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is not a finite number")
    return number


@contextmanager
def reading(text: str, area: str, kind: str) -> Iterator[dict[str, Any]]:
    """The fields that `plan_json` wrote; what fails while a block makes a plan of them raises `CorruptData`.

    Raises:
        CorruptData: `text` is of another form, area or kind, or the block raised an exception.
    """
    try:
        fields = bounded_json(text)
        found = fields.pop("area"), fields.pop("kind", kind)
        if found != (area, kind):
            raise CorruptData("it is a {1} of area {0}".format(*found))
        yield fields
    except Exception as error:  # which one, depends on what the first damaged field is used for
        raise CorruptData(f"not a valid {kind} ({error}); pass what to_json() returned") from error


def made_with() -> dict[str, str]:
    """The versions that a plan was made with."""
    return {"beforehand": beforehand.__version__, "numpy": np.__version__, "python": platform.python_version()}
