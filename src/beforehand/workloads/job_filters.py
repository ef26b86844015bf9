"""Row filters of job logs: `state=COMPLETED`, `elapsed>10`, `submitted>=2026-03-01`."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.job_columns import Columns
from beforehand.workloads.reading.stamps import EXACT

_ORDERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORM: Final = re.compile(r"(?P<column>[^=!<>]+?)\s*(?P<relation>==?|!=|<=|>=|<|>)\s*(?P<value>.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which rows count.

    Args:
        text: As it was written.
        column: The column that it asks about.
        relation: `=`, `!=`, `<`, `<=`, `>` or `>=`.
        value: What the cells are compared with: of `=` and `!=` a text, or several with commas between them, where a
            number also stands for its other spellings, and nothing for a missing cell; of the others a number (of
            durations in seconds), a date or a time.
    """

    text: str
    column: str
    relation: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The filter that a text such as `state=COMPLETED,TIMEOUT` says.

        Raises:
            InvalidInput: it does not say one.

        Example:
            >>> Filter.parse("nodes >= 2").relation
            '>='
        """
        found = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None:
            raise InvalidInput(
                f"where is {text!r}, but must be a column, one of = != < <= > >=, and a value, such as state=COMPLETED"
            )
        relation = found["relation"].replace("==", "=")
        return cls(text=text.strip(), column=found["column"], relation=relation, value=found["value"].strip())

    def rows(self, columns: Columns, time_zone: str) -> NDArray[np.bool_]:
        """The rows that it keeps; one with a missing cell is only kept by `=` and `!=`.

        Args:
            columns: Those of the log.
            time_zone: Of a time without one.

        Raises:
            InvalidInput: the column is not there; the value cannot be compared with its cells.
            CorruptData: a cell is neither number nor time, but the value is.
        """
        if self.relation == "=":
            return self._equal(columns)
        if self.relation == "!=":
            return ~self._equal(columns)
        compare = _ORDERS[self.relation]
        try:
            limit = float(self.value)
        except ValueError:
            return np.asarray(compare(*self._moments(columns, time_zone)), dtype=np.bool_)
        return np.asarray(compare(columns.durations(self.column), limit), dtype=np.bool_)  # of nan never

    def _equal(self, columns: Columns) -> NDArray[np.bool_]:
        if not self.value:
            return columns.missing(self.column)
        wanted = {self.value, *self.value.split(",")}
        wanted |= {word.capitalize() for word in wanted if word in ("true", "false")}  # as Python spells those of JSON
        same = np.isin(columns.text(self.column), sorted(wanted))
        numbers = [float(word) for word in wanted if _NUMBER.fullmatch(word)]
        spelled = [number for number in numbers if abs(number) < EXACT]  # of longer ones a float holds several
        if spelled and not same.all():
            try:
                same |= np.isin(columns.numbers(self.column), spelled)
            except CorruptData:
                pass  # of text, which was compared as such
        return same

    def _moments(self, columns: Columns, time_zone: str) -> tuple[NDArray[np.float64], float]:
        """The cells, and the value, in seconds since the earliest cell."""
        try:
            moment = datetime.fromisoformat(self.value)
        except ValueError:
            raise InvalidInput(
                f"where is {self.text!r}, but {self.relation} compares with a number, a date or a time; write "
                f"{self.column}{self.relation}10 or {self.column}{self.relation}2026-03-01"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(time_zone))
        cells, earliest = columns.times(self.column)
        if earliest is None:
            raise InvalidInput(
                f"where is {self.text!r}, but {self.column} holds numbers and no times; compare with a number"
            )
        since = (moment - _EPOCH) // timedelta(microseconds=1) * 1000 - earliest
        return cells, since / 1e9
