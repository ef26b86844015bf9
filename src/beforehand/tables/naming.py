"""Names that all formats use."""

from typing import Any, TypeVar

from numpy.typing import NDArray

MARK = "beforehand.trace"  # under this name files keep the mark
Arrays = dict[str, NDArray[Any]]
Mark = dict[str, Any]
T = TypeVar("T")


def below(named: dict[str, T], child: str) -> dict[str, T]:
    """The parts of a child table, by column; its offsets under the empty name."""
    return {name.removeprefix(f"{child}/"): thing for name, thing in named.items() if name.startswith(f"{child}/")}
