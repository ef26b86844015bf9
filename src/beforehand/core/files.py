"""Files: written whole or not at all; errors name the file."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from beforehand.core.errors import CorruptData, InvalidInput, MissingDependency
from beforehand.tables import csv, jsonl, npz, parquet
from beforehand.tables.naming import Arrays, Mark

FORMATS = {".npz": npz, ".csv": csv, ".jsonl": jsonl, ".parquet": parquet}
TEXT = (".csv", ".jsonl")  # hold neither 2-D columns nor byte strings
NO_CHILDREN = (".csv",)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `path` once the block has ended well; after an error, nothing has changed.

    The bytes wait in a hidden file beside the target. Devices and pipes are written to directly.

    Raises:
        InvalidInput: the file cannot be written.
    """
    direct = os.path.exists(path) and not os.path.isfile(path)
    target = Path(path if direct else os.path.realpath(path))  # a link stays a link; that of an open pipe leads nowhere
    partial = target if direct else target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(partial, "wb") as stream:
            yield stream
        if not direct:
            os.replace(partial, target)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}; choose another place") from error
    finally:
        if not direct:
            partial.unlink(missing_ok=True)


def save_tables(arrays: Arrays, mark: Mark, path: str | os.PathLike[str]) -> None:
    """Write named arrays in the format that the ending names."""
    ending = _ending(path)
    for name, array in arrays.items():
        child, wide, byte = "/" in name and ending in NO_CHILDREN, array.ndim > 1, array.dtype.kind == "S"
        if child or (ending in TEXT and (wide or byte)):
            what = f"child table {name.partition('/')[0]}" if child else f"{'2-D' if wide else 'byte'} column {name}"
            raise InvalidInput(f"{path} cannot hold the {what}; save as npz or parquet")
    with writing(path) as stream, _pyarrow_at_hand():
        FORMATS[ending].write(arrays, mark, stream)


def load_tables(path: str | os.PathLike[str]) -> tuple[Arrays, Mark]:
    """Read named arrays in the format that the ending names, whatever they are."""
    read = FORMATS[_ending(path)].read
    try:
        stream = open(path, "rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    with stream, _pyarrow_at_hand():
        try:
            arrays, mark = read(stream)
            return arrays, dict(mark)
        except ImportError:
            raise
        except Exception as error:  # the parsers of zip, npy, csv, json and parquet each raise what they like
            reason = str(error).partition("\n")[0] or type(error).__name__
            words = f"{path} cannot be read: {reason}; check that it is whole and ends as it should"
            raise CorruptData(words) from error


def _ending(path: str | os.PathLike[str]) -> str:
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise InvalidInput(f"{path} ends in {ending!r}, but a trace must end in one of {', '.join(FORMATS)}")
    return ending


@contextmanager
def _pyarrow_at_hand() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingDependency("parquet files need pyarrow; pip install 'beforehand[parquet]'") from error
