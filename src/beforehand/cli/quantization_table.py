"""`quantization encode --table` and `--save-table`: tables apart from data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beforehand.cli.quantization_plan import settle

if TYPE_CHECKING:  # the area's imports wait until a command needs them
    from beforehand.quantization import Levels

Given = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="TABLE.bhl",
        help="Take the levels that --save-table kept; those of unbiased rounding reach to the new minimum and maximum.",
    ),
]
Saved = Annotated[
    Path | None, typer.Option("--save-table", metavar="TABLE.bhl", help="Keep the levels for other arrays.")
]


def given(context: typer.Context, path: Path, output: str) -> "Levels":
    """The table of a file, beside which no option may say how to find levels.

    Raises:
        InvalidInput: one does; the file cannot be read, or would be overwritten.
        CorruptData: the file holds no table.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.core.errors import InvalidInput
    from beforehand.quantization import Levels

    settle(context, f"the table {path}")
    if context.params["plan"] is not None:
        raise InvalidInput(f"--plan and --table {path} both say which levels to take; drop one of them")
    keep_input(str(path), output)
    with explaining_tables():
        return Levels.load(path)


@contextmanager
def explaining_tables() -> Iterator[None]:
    """Errors about bytes that are no table, in the words of a command."""
    from beforehand.core.errors import CorruptData

    try:
        yield
    except CorruptData as error:
        words = str(error).replace("pass the complete output of to_bytes()", "pass the whole of what --save-table kept")
        raise CorruptData(words) from error


def check_apart(saved: Path, table: Path | None, output: str) -> None:
    """Raise if the levels would be written where the codes are, over the table that was given, or nowhere.

    Raises:
        InvalidInput: they would.
    """
    from beforehand.core.errors import InvalidInput

    if str(saved) == "-":
        raise InvalidInput("--save-table is -, but stdout is for codes; name a file")
    for other in (output, table):
        if other is not None and saved.resolve() == Path(other).resolve():
            raise InvalidInput(f"--save-table {saved} would overwrite {other}; choose another place")


def keeping(path: Path, found: list[Any], rounded: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same rounding, which also hands out the levels for a file; they must be those of a single array."""
    from beforehand.core.errors import InvalidInput

    def round_and_keep(values: Any) -> Any:
        if found:
            raise InvalidInput(f"{path} would hold the levels of several arrays; take one of them by --name")
        levels, codes = rounded(values)
        found.append(levels)
        return levels, codes

    return round_and_keep
