"""The design that was chosen, on paper, and how to read that paper again."""

import importlib.util
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import Outcome, Verdict


@runtime_checkable
class Plan(Protocol):
    """What every area's frozen plan offers; each area has its own final class, whose `build` makes the design."""

    @property
    def area(self) -> str:
        """The area that made it: its module is `beforehand.<area>.plan`."""

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

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""

    def to_json(self) -> str:
        """A JSON object whose `area` says who can read it."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote."""


def load_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan of any area.

    The file's `area` picks the module `beforehand.<area>.plan`, whose `from_json` reads the rest.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: the file is no plan, or a plan of an area that this version does not have.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode()
        area = json.loads(text)["area"]
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptData(f"{path} is no plan: it must be a JSON object that names its area; make it anew") from error
    name = f"beforehand.{area}.plan"
    known = isinstance(area, str) and area.isidentifier() and area != "core"
    if not known or not importlib.util.find_spec(f"beforehand.{area}") or not importlib.util.find_spec(name):
        raise CorruptData(
            f"{path} is a plan of area {area!r}, which this version does not have; use the one that made it"
        )
    try:
        plan: Plan = importlib.import_module(name).from_json(text)
    except CorruptData as error:
        raise CorruptData(f"{path}: {error}") from error
    return plan
