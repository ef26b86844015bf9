"""Where Parquet files are: one, a list, a folder, or a dataset of pyarrow."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.host import arrow

ENDING: Final = ".parquet"
HIDDEN: Final = ("_", ".")  # what pyarrow and Spark pass over in a folder: so an index there is none of the data
Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Any


@final
@dataclass(frozen=True)
class Files:
    """Parquet files below a folder."""

    folder: Path
    paths: tuple[str, ...]  # from the folder, with slashes; in order
    directory: bool  # whether they are all that the folder has


def default_index(path: Path) -> Path:
    """Where the index of a file or of a folder is if nobody says otherwise."""
    return path / "_ranges.bhri" if path.is_dir() else path.with_name(f"_{path.name}.bhri")


def files_of(source: Source) -> Files:
    """The files that a source names.

    Raises:
        InvalidInput: There is none, or a dataset is not of Parquet files on this machine's file systems.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(os.path.abspath(source))
        if path.is_dir():
            paths = found_in(path)
            if not paths:
                raise InvalidInput(f"{source} has no file that ends in {ENDING}; name a folder that has, or the files")
            for each in paths:
                _check_name(each)
            return Files(path, paths, directory=True)
        if not path.exists():
            raise InvalidInput(f"{source} does not exist; check the path")
        _check_name(path.name)
        return Files(path.parent, (path.name,), directory=False)
    if hasattr(source, "get_fragments"):
        source = _of_dataset(source)
    named = [Path(os.path.abspath(each)) for each in source]
    if not named:
        raise InvalidInput("source has no files; name one at least")
    if missing := [path for path in named if not path.is_file()]:
        raise InvalidInput(f"{missing[0]} is no file; check the path")
    folder = Path(os.path.commonpath([path.parent for path in named]))
    paths = tuple(path.relative_to(folder).as_posix() for path in named)
    if len(set(paths)) < len(paths):
        raise InvalidInput("source names a file twice; name each once")
    for each in paths:
        _check_name(each)
    return Files(folder, paths, directory=False)


def found_in(folder: Path) -> tuple[str, ...]:
    """The Parquet files below a folder, in order, but for hidden ones."""
    found = []
    for path in folder.rglob(f"*{ENDING}"):
        inside = path.relative_to(folder)
        if not any(part.startswith(HIDDEN) for part in inside.parts) and path.is_file():
            found.append(inside.as_posix())
    return tuple(sorted(found))


def _check_name(path: str) -> None:
    """Raise where no index can hold the name of a file: it means another one elsewhere, or pyarrow cannot open it."""
    if "\\" in path or any("\ud800" <= letter <= "\udfff" for letter in path):
        raise InvalidInput(f"{path!r} has a backslash or bytes that are no UTF-8 in its name; rename it")


def _of_dataset(source: Any) -> Sequence[str]:
    local = arrow("pyarrow.fs").LocalFileSystem
    if not hasattr(source, "files") or not isinstance(source.filesystem, local):
        raise InvalidInput(f"source is a {type(source).__name__}, but must be a dataset of local Parquet files")
    named: list[str] = source.files
    return named
