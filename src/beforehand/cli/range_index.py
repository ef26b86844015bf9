"""`ranges index | query`."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from beforehand.cli import render

if TYPE_CHECKING:  # pyarrow waits until a command needs it
    from beforehand.core import Trace
    from beforehand.integrations.parquet import RangeIndex

LARGE = 200 << 20  # bytes from which more processes are worth their start
SHOWN = 20  # rows


class Engine(StrEnum):
    """What reads the rows."""

    PYARROW = "pyarrow"
    DUCKDB = "duckdb"
    POLARS = "polars"


def index(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Parquet files, or one folder of them.")],
    column: Annotated[
        list[str], typer.Option("--column", "-c", help="What ranges will ask about; a.b for a member of a struct.")
    ],
    bits_per_key: Annotated[float | None, typer.Option(help="Of each filter; 12 if no plan says otherwise.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help="A trace of kind ranges with real queries, for a single column.")
    ] = None,
    filter: Annotated[str | None, typer.Option(help="A name, such as surf; proteus if no plan says otherwise.")] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan by ranges plan; also named by BEFOREHAND_PLAN.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; as many as there are cores if the files are large.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the index goes; beside the data if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of hashes, and of queries that are made up.")] = None,
) -> None:
    """Keep range filters beside Parquet files, one for each row group.

    Narrow ranges then read only the row groups that may hold their rows, even
    if the column is not sorted. The files themselves are not touched.
    """
    from beforehand.core import load_plan
    from beforehand.core.errors import InvalidInput
    from beforehand.integrations.parquet import RangeIndex
    from beforehand.integrations.parquet.layout import refuse_to_replace

    if output is not None:
        refuse_to_replace(output)  # now, and not when all is built
    if queries is not None and len(column) > 1:
        raise InvalidInput(f"--queries is of one column, but --column names {', '.join(column)}; index them apart")
    sample = {} if queries is None else {column[0]: _sample(queries, files[0], column[0])}
    with _counting("row groups") as counted, _processes(files, jobs) as executor:
        built = RangeIndex.build(
            files[0] if len(files) == 1 else files,
            columns=column,
            bits_per_key=bits_per_key,
            queries=sample,
            filter=filter,
            plan=None if plan is None else load_plan(plan),
            progress=counted,
            executor=executor,
            seed=seed,
        )
        place = built.save(output)
    render.show(f"{built.explain()}\nwrote {place}")


def query(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An indexed file or folder, or the index itself.")],
    column: Annotated[str, typer.Option("--column", "-c", help="An indexed column.")],
    between: Annotated[
        tuple[str, str], typer.Option(metavar="LO HI", help="The smallest and the largest value wanted.")
    ],
    columns: Annotated[str | None, typer.Option(help="What to show, between commas; all columns if not given.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows shown at most.")] = SHOWN,
    count: Annotated[bool, typer.Option("--count", help="Only count the rows.")] = False,
    engine: Annotated[Engine, typer.Option(help="What reads and compares.")] = Engine.PYARROW,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say which row groups are kept, and what is not read.")
    ] = False,
) -> None:
    """Show the rows of indexed Parquet files whose value lies in a range."""
    from beforehand.cli.range_bounds import read_bound
    from beforehand.integrations.parquet import RangeIndex
    from beforehand.integrations.parquet.engines import rows_by

    opened = RangeIndex.load(file)
    lo, hi = (read_bound(opened.type_of(column), text) for text in between)
    if explain:
        _explain(opened, column, lo, hi)
        return
    wanted = [column.partition(".")[0]] if count else None if columns is None else columns.split(",")
    found = rows_by(engine.value, opened, column, lo, hi, wanted)
    if count:
        render.show(str(found.num_rows))
        return
    made = render.table(*found.column_names)
    for row in found.slice(0, limit).to_pylist():
        made.add_row(*(_cell(value) for value in row.values()))
    render.show_table(made)
    if found.num_rows > limit:
        render.show(f"{limit} of {found.num_rows} rows; --limit shows more")


def _sample(trace: Path, source: Path, column: str) -> "Trace":
    """Queries of a column as it has its values."""
    from beforehand.cli.range_inputs import in_kind_of, read_ranges
    from beforehand.integrations.parquet.reading import Reader
    from beforehand.integrations.parquet.sources import files_of

    queries, files = read_ranges(trace), files_of(source)
    with Reader(files.folder / files.paths[0]) as reader:
        return in_kind_of(reader.type_of(column), queries, trace)


def _explain(opened: "RangeIndex", column: str, lo: object, hi: object) -> None:
    """Row groups kept and left out, by file, and the bytes of both."""
    kept = opened.prune(column, lo, hi)
    made = render.table("file", "row groups kept", "of", "bytes read", "bytes not read")
    totals = [0, 0, 0, 0]
    for path, stored in opened.stored_bytes().items():
        groups = kept.get(path, [])
        read = sum(stored[group] for group in groups)
        numbers = [len(groups), len(stored), read, sum(stored) - read]
        totals = [a + b for a, b in zip(totals, numbers, strict=True)]
        if groups:
            shown = ", ".join(map(str, groups[:8])) + (", ..." if len(groups) > 8 else "")
            made.add_row(path, shown, *(f"{number:,}" for number in numbers[1:]))
    if totals[0]:
        render.show_table(made)
    held, groups_in_all, read, left = totals
    render.show(
        f"{held:,} of {groups_in_all:,} row groups are kept, {groups_in_all - held:,} left out; "
        f"{left:,} of {read + left:,} bytes are not read"
    )


def _cell(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else "" if value is None else str(value)


@contextmanager
def _counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr that learns what there is to do when the first part is done."""
    columns = (BarColumn(24), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    out = Console(stderr=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _processes(files: list[Path], jobs: int | None) -> "ProcessPoolExecutor | nullcontext[None]":
    """As many processes as are worth it; none besides this one for small files."""
    if jobs is None:
        inside = [each for path in files for each in (path.rglob("*.parquet") if path.is_dir() else [path])]
        size = sum(path.stat().st_size for path in inside if path.is_file())
        jobs = (os.cpu_count() or 1) if size > LARGE else 1
    if jobs == 1:
        return nullcontext()
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
