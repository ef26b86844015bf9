"""Files that a command reads; errors name the file."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name before errors about its content."""
    try:
        yield
    except BeforehandError as error:
        raise type(error)(f"{path}: {error}") from error


def keep_input(path: str | Path, *outputs: str | Path | None) -> None:
    """See to it that writing outputs leaves the file at `path` alone, by whatever names and links they are given.

    Args:
        path: Of the input; - is stdin.
        outputs: Places that will be written to; - is stdout, None for none.

    Raises:
        InvalidInput: an output is the same file.
    """
    for output in outputs:
        try:
            held = None if output is None else _status(path, 0)
            same = held is not None and stat.S_ISREG(held.st_mode) and os.path.samestat(held, _status(output, 1))
        except OSError:  # there is no output yet; what else is wrong is said by whoever reads or writes
            continue
        if same:
            one, other = ("stdin" if str(path) == "-" else path), ("stdout" if str(output) == "-" else output)
            words = f"{other} and the input {one} are one file, which would be overwritten; choose another place"
            raise InvalidInput(words)


def _status(path: str | Path | None, standard: int) -> os.stat_result:
    return os.fstat(standard) if str(path) == "-" else os.stat(str(path))


def read_bytes(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error


def read_array(path: Path) -> NDArray[Any]:
    """The array of a .npy file, which is mapped, not read; of a pipe it waits in a temporary file.

    Raises:
        InvalidInput: it cannot be read.
        CorruptData: it is not an array, or one of objects.
    """
    from beforehand.workloads.array_files.npy import read_npy
    from beforehand.workloads.reading.sources import whole

    with whole(str(path)) as stream:
        try:
            return read_npy(stream).all()
        except CorruptData as error:
            raise CorruptData(f"{path} is not an array in .npy ({error}); write it with numpy.save") from error
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}") from error


def read_trace(path: Path, kind: str | None) -> Trace:
    """A trace in one of our formats, or a public log that its header gives away; as requests where `kind` says so.

    Raises:
        InvalidInput: it cannot be read; `kind` is missing, or not the file's own.
        CorruptData: it is damaged.
    """
    from beforehand.workloads import formats
    from beforehand.workloads.formats import pcap_csv
    from beforehand.workloads.job_log import read_job_log
    from beforehand.workloads.requests import read_request_log

    if pcap_csv.recognize(path):
        own, source = "stream", str(pcap_csv.META["source"])
    elif (log := formats.recognize(path)) is not None:
        if kind == "requests":
            return read_request_log(path)
        own, source = "jobs", log.SOURCE
    else:
        return Trace.load(path, kind=kind)
    if kind not in (None, own):
        raise InvalidInput(f"kind is {kind!r}, but {path} holds {own!r} ({source}); leave kind out")
    if own == "jobs":
        return read_job_log(path)
    with naming(path):
        return pcap_csv.read(path)


def read_sample(path: Path, kind: str | None) -> Trace | NDArray[Any] | list[NDArray[Any]]:
    """What to plan on or to audit with: a trace, or a .npy file whose rows are the samples."""
    if path.suffix.lower() != ".npy":
        return read_trace(path, kind)
    array = read_array(path)
    return array if array.ndim == 2 else [array.ravel()]
