"""The heaviest keys, with what is certain about each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, final, overload

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import MissingDependency


@final
class TopRow(NamedTuple):
    """A key, its estimated weight, the bounds of the true one, and whether it surely belongs here."""

    key: int | str | bytes
    estimate: float
    lower: int
    upper: int
    guaranteed: bool


@final
@dataclass(frozen=True, eq=False)
class Top:
    """Keys with their weights, the heaviest first; its elements are rows of type `TopRow`.

    Args:
        keys: An array of uint64 or int64, or a list of str or bytes; hashes as uint64 if no labels were kept.
        estimate: Estimated weights, float64.
        lower: What a key weighs at least, uint64.
        upper: What it weighs at most, uint64.
        guaranteed: Whether a key surely belongs here: from `top(k)`, no key outside can be heavier; from
            `heavy_hitters`, it is surely heavy.
        complete: Whether surely no key is missing.

    Example:
        >>> from beforehand.streams import SpaceSaving
        >>> summary = SpaceSaving(capacity=3)
        >>> summary.update(["a", "b", "a", "c", "d", "a"])
        >>> print(summary.top(2))
        key  estimate  lower  upper  guaranteed
        a           3      3      3  yes
        d           2      1      2  yes
        >>> summary.top(2)[0].key
        'a'
    """

    keys: NDArray[Any] | list[str] | list[bytes]
    estimate: NDArray[np.float64]
    lower: NDArray[np.uint64]
    upper: NDArray[np.uint64]
    guaranteed: NDArray[np.bool_]
    complete: bool

    def __len__(self) -> int:
        """How many keys."""
        return len(self.estimate)

    def __iter__(self) -> Iterator[TopRow]:
        """Go through the rows."""
        return iter(self.to_list())

    @overload
    def __getitem__(self, place: int) -> TopRow: ...
    @overload
    def __getitem__(self, place: slice) -> list[TopRow]: ...
    def __getitem__(self, place: int | slice) -> TopRow | list[TopRow]:
        """The row at a place, or those of a slice, as in a list."""
        if isinstance(place, slice):
            return self._rows(place)
        place = range(len(self))[place]
        return self._rows(slice(place, place + 1))[0]

    def to_list(self) -> list[TopRow]:
        """All rows, as plain Python objects."""
        return self._rows(slice(None))

    def _rows(self, some: slice) -> list[TopRow]:
        keys: Sequence[Any] = self.keys[some] if isinstance(self.keys, list) else self.keys[some].tolist()
        columns = (column[some].tolist() for column in (self.estimate, self.lower, self.upper, self.guaranteed))
        return [TopRow(*row) for row in zip(keys, *columns, strict=True)]

    def to_arrow(self) -> Any:
        """All rows as a `pyarrow.Table`.

        Raises:
            MissingDependency: pyarrow is not installed.
        """
        try:
            pyarrow = import_module("pyarrow")  # which has no types
        except ImportError:
            raise MissingDependency("to_arrow() needs pyarrow; pip install pyarrow") from None
        return pyarrow.table({"key": self.keys} | {name: getattr(self, name) for name in TopRow._fields[1:]})

    def __str__(self) -> str:
        """A table, cut off after 20 rows."""
        shown = [
            (_text(row.key), f"{row.estimate:.6g}", str(row.lower), str(row.upper), "yes" if row.guaranteed else "no")
            for row in self.to_list()[:20]
        ]
        rows = [("key", *TopRow._fields[1:]), *shown]
        wide = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join(
                [row[0].ljust(wide[0]), *(row[i].rjust(wide[i]) for i in (1, 2, 3)), row[4].ljust(wide[4])]
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *([f"... and {len(self) - 20} more"] if len(self) > 20 else [])])

    __repr__ = __str__


def _text(key: object) -> str:
    text = key if isinstance(key, str) else repr(key)
    return text if text.isprintable() and text == text.strip() != "" else repr(text)
