"""Files that a command reads; errors name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
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


def keep_input(path: Path, *outputs: Path | None) -> None:
    """See to it that writing outputs leaves the file at `path` alone, by whatever names and links they are given.

    Args:
        path: Of the input.
        outputs: Places that will be written to; None for none.

    Raises:
        InvalidInput: an output is the same file.
    """
    for output in outputs:
        try:
            same = output is not None and path.is_file() and path.samefile(output)
        except OSError:  # there is no output yet; what else is wrong is said by whoever reads or writes
            continue
        if same:
            words = f"{output} and the input {path} are one file, which would be overwritten; choose another place"
            raise InvalidInput(words)


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
    """The array of a .npy file.

    Raises:
        InvalidInput: it cannot be read.
        CorruptData: it is not an array, or one of objects.
    """
    try:
        with open(path, "rb") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    except Exception as error:  # numpy parses the header as Python, and raises what comes
        reason = str(error).partition("\n")[0]
        raise CorruptData(f"{path} is not an array in .npy ({reason}); write it with numpy.save") from error


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
