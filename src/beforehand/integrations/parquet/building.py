"""Filters for the row groups of files, in pieces that any process can build."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.column_type import ColumnType, Keys
from beforehand.integrations.parquet.footer import checksum_of, fingerprint, written_at
from beforehand.integrations.parquet.layout import Column, Description, Group, IndexedFile, after
from beforehand.integrations.parquet.reading import Reader
from beforehand.integrations.parquet.recipe import Recipe, plan_for, recipe_for
from beforehand.integrations.parquet.sample import guessed_queries
from beforehand.integrations.parquet.sources import Files
from beforehand.ranges.queries import Queries

LOOKED_AT: Final = 8  # row groups, to guess queries from
PIECE: Final = 2_000_000  # rows of a piece of work, about

Progress = Callable[[int, int], None]


@final
@dataclass(frozen=True)
class Task:
    """A piece of the work: some row groups of a file, in some columns."""

    path: str
    groups: tuple[int, ...]
    columns: tuple[tuple[str, ColumnType, Recipe], ...]


@final
@dataclass(frozen=True)
class Built:
    """What became of a row group in a column."""

    nulls: int
    has_nan: bool
    filter: bytes  # empty where there are no keys
    checksum: int  # of what the file stores of it


def build_task(task: Task) -> list[list[Built]]:
    """The filters of a piece: by row group, and in it by column.

    Raises:
        CorruptData: The file cannot be decoded.
        InvalidInput: It cannot be read, or the filter cannot hold such keys.
    """
    columns = [(column, type_) for column, type_, _ in task.columns]
    with Reader(task.path) as reader:
        found = []
        for group in task.groups:
            row = []
            keys = reader.keys(group, columns)  # first, as it refuses chunks that do not lie in the file
            checksums = reader.chunk_checksums(group, [column for column, _ in columns])
            for (_, _, recipe), held, crc in zip(task.columns, keys, checksums, strict=True):
                row.append(Built(held.nulls, held.has_nan, recipe.build(held.keys) if len(held.keys) else b"", crc))
            found.append(row)
    return found


def build_all(tasks: Sequence[Task], executor: Executor | None, progress: Progress | None) -> Iterator[list[Built]]:
    """The filters of all pieces in order: by row group, and in it by column.

    Args:
        tasks: The pieces.
        executor: Where they are built; None: here, one after the other.
        progress: Called with how many row groups are done, and of how many.
    """
    total = sum(len(task.groups) for task in tasks)
    done = 0
    if progress is not None:
        progress(0, total)
    for rows in map(build_task, tasks) if executor is None else executor.map(build_task, tasks):
        done += len(rows)
        if progress is not None:
            progress(done, total)
        yield from rows


def tasks_of(path: Path, rows: Sequence[int], columns: tuple[tuple[str, ColumnType, Recipe], ...]) -> Iterator[Task]:
    """A file cut into pieces of about `PIECE` rows."""
    groups: list[int] = []
    held = 0
    for group, count in enumerate(rows):
        groups.append(group)
        held += count
        if held >= PIECE:
            yield Task(str(path), tuple(groups), columns)
            groups, held = [], 0
    if groups:
        yield Task(str(path), tuple(groups), columns)


def guessed(paths: Sequence[Path], rows: Sequence[Sequence[int]], column: str, type_: ColumnType, seed: int) -> Any:
    """Queries for a column of these files, guessed from some of its row groups; None where those hold no keys."""
    places = [(file, group) for file, counts in enumerate(rows) for group, count in enumerate(counts) if count]
    step = max(len(places) / LOOKED_AT, 1.0)
    looked_at = [places[int(i * step)] for i in range(min(LOOKED_AT, len(places)))]
    found: list[Keys] = []
    for file, group in looked_at:
        with Reader(paths[file]) as reader:
            found.append(reader.keys(group, [(column, type_)])[0].keys)
    return guessed_queries(found, len(places), type_, seed)


def built_index(
    files: Files,
    columns: Sequence[str],
    queries: Mapping[str, Queries],
    plan: Any,
    options: Mapping[str, Any],
    executor: Executor | None,
    progress: Progress | None,
) -> tuple[Description, bytes]:
    """The description of an index, and its filters one after the other."""
    named = _names(columns, files)
    if executor is not None and not hasattr(executor, "map"):
        raise InvalidInput(f"executor is {executor!r}, but must have map(), as those of concurrent.futures")
    if progress is not None and not callable(progress):
        raise InvalidInput(f"progress is {progress!r}, but must take how many row groups are done, and of how many")
    if not isinstance(queries, Mapping):
        raise InvalidInput(f"queries are {type(queries).__name__}, but must be a dict of samples by column")
    if unknown := [name for name in queries if name not in named]:
        raise InvalidInput(f"queries are given for {unknown[0]!r}, which is none of the columns {', '.join(named)}")
    paths = [files.folder / path for path in files.paths]
    prints = [(fingerprint(path), written_at(os.stat(path))) for path in paths]
    types, rows = _columns_of(paths, named)
    parts = []
    plan = plan_for(plan, types)
    for column in named:
        recipe = recipe_for(column, types[column], queries.get(column), plan, options)
        if recipe.wants_queries:
            recipe = recipe.with_queries(guessed(paths, rows, column, types[column], recipe.options["seed"]))
        parts.append((column, types[column], recipe))
    tasks = [task for path, counts in zip(paths, rows, strict=True) for task in tasks_of(path, counts, tuple(parts))]
    built = list(build_all(tasks, executor, progress))
    ahead = iter(built)
    indexed = tuple(
        IndexedFile(path, *found, counts, written, checksum_of(held.checksum for _ in counts for held in next(ahead)))
        for path, (found, written), counts in zip(files.paths, prints, rows, strict=True)
    )
    if [(fingerprint(path), written_at(os.stat(path))) for path in paths] != prints:
        raise InvalidInput("a file was written anew while it was being indexed; wait until its writer has finished")
    filters, described, end = bytearray(), [], 0
    for place, (column, type_, _) in enumerate(parts):
        groups = []
        for row in built:
            held = row[place]
            groups.append(Group(held.nulls, held.has_nan, end, len(held.filter)))
            filters += held.filter + bytes(after(len(held.filter)) - len(held.filter))
            end += after(len(held.filter))
        described.append(Column(column, type_, tuple(groups)))
    return Description(files.directory, indexed, tuple(described)), bytes(filters)


def _names(columns: Sequence[str], files: Files) -> list[str]:
    """The columns to index, where they are names.

    Raises:
        InvalidInput: They are not, one stands there twice, or folders have its name, as in `x=5/a.parquet`.
    """
    named = [columns] if isinstance(columns, str) else list(columns) if isinstance(columns, Iterable) else [columns]
    if not named or not all(isinstance(name, str) for name in named) or len(set(named)) < len(named):
        raise InvalidInput(f"columns are {columns!r}, but must be one or more names, each once")
    if files.directory:
        for name in sorted({part for path in files.paths for part in path.split("/")[:-1] if "=" in part}):
            for column in named:
                if f"{column}.".startswith(f"{name.partition('=')[0]}."):
                    raise InvalidInput(
                        f"column {column} is also said by the folder {name}, whose value readers take instead of the "
                        "files'; index another column, or name the files one by one"
                    )
    return named


def _columns_of(paths: Sequence[Path], columns: Sequence[str]) -> tuple[dict[str, ColumnType], list[tuple[int, ...]]]:
    """The type of each column, and the rows of each row group of each file."""
    types: dict[str, ColumnType] = {}
    firsts: dict[str, ColumnType] = {}
    rows = []
    for path in paths:
        with Reader(path) as reader:
            rows.append(reader.rows)
            for column in columns:
                found = reader.type_of(column)
                first = firsts.setdefault(column, found)
                types[column] = types.get(column, found).wider(found)
                if found.like != first.like:
                    raise InvalidInput(
                        f"column {column} is {found.name} in {path}, but {first.name} in {paths[0]}; index them apart"
                    )
    return types, rows
