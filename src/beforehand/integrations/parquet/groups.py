"""The filters of a column's row groups, opened when they are first asked."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import CorruptData
from beforehand.integrations.parquet.bounds import Range
from beforehand.integrations.parquet.layout import REMEDY, Column
from beforehand.ranges import load


@final
class Groups:
    """Asks all row groups of a column at once.

    Args:
        column: Its description.
        data: The filters as bytes, from where their offsets count.
    """

    def __init__(self, column: Column, data: Any) -> None:
        self.column = column
        self._data = data
        self._filters: Any = None
        self._has_nan = np.array([group.has_nan for group in column.groups], np.bool_)

    def may_hold(self, asked: Range) -> NDArray[np.bool_]:
        """Which row groups may hold a value of the range, in the order of the files.

        Raises:
            CorruptData: A filter was damaged since.
        """
        if asked.whole_column:
            return np.ones(len(self.column.groups), np.bool_)
        codes = asked.codes()
        if codes is None:
            found = np.zeros(len(self.column.groups), np.bool_)
        else:
            if self._filters is None:
                self._filters = self._opened()
            lo, hi, before = codes
            if self._textual:
                found = self._filters.text(np.frombuffer(lo, np.uint8), np.frombuffer(hi, np.uint8), before)
            else:
                found = self._filters.numbers(lo, hi)
        # NaN is above everything for DuckDB and polars, so it is found where there is no upper bound.
        return found | self._has_nan if asked.hi is None else found

    def explain(self) -> str:
        """What is indexed of the column, in words."""
        column, groups = self.column, self.column.groups
        held = [group for group in groups if group.length]
        size = sum(group.length for group in held)
        words = f"column {column.path}, {column.type.name}: {len(held):,} filters of {size:,} bytes"
        if empty := sum(not group.length and not group.has_nan for group in groups):
            words += f", {empty:,} row groups of nulls only"
        if nan := sum(group.has_nan for group in groups):
            words += f", {nan:,} row groups with NaN, kept where there is no upper bound"
        return words

    @property
    def _textual(self) -> bool:
        return self.column.type.key_type.textual

    def _opened(self) -> Any:
        """All filters, checked, where one call asks them all."""
        opened = [self._open(index)._native if group.length else None for index, group in enumerate(self.column.groups)]
        return _native.RangeGroups(opened, self._textual)

    def _open(self, index: int) -> Any:
        group = self.column.groups[index]
        try:
            found = load(self._data[group.offset : group.offset + group.length], copy=False)
        except CorruptData as error:
            raise CorruptData(f"filter {index} of column {self.column.path} is damaged: {error}; {REMEDY}") from error
        if found.key_type != self.column.type.key_type:
            raise CorruptData(
                f"filter {index} of column {self.column.path} is of {found.key_type}, but the column holds "
                f"{self.column.type.name}; {REMEDY}"
            )
        return found
