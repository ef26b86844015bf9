"""The bytes of a file, decompressed; stdin is kept, so that it can be read twice."""

import errno
import gzip
import io
import os
import re
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module  # pyarrow is optional, and has no types
from typing import Any, BinaryIO, Final, TextIO, cast
from weakref import WeakKeyDictionary, finalize

from beforehand.core.errors import CorruptData, InvalidInput, MissingDependency

BEGINNING: Final = 1 << 16  # bytes that are looked at
STDIN: Final = ("-", "/dev/stdin")
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # how compressed files begin
OTHERS: Final = {"bzip2": re.compile(rb"BZh[1-9]1AY&SY"), "xz": re.compile(rb"\xfd7zXZ\0")}
_kept: "WeakKeyDictionary[Any, BinaryIO]" = WeakKeyDictionary()  # what came by a stdin


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """The bytes of a file from its beginning, decompressed where they begin as gzip or zstd do; - is stdin.

    Raises:
        InvalidInput: it cannot be read, is a pipe, or is compressed by bzip2 or xz.
        CorruptData: what is compressed is damaged.
        MissingDependency: zstd without a library that reads it.
    """
    with _read_errors(path), _raw(path) as raw, _decompressed(path, raw) as stream:
        yield stream


@contextmanager
def opened_text(path: str, encoding: str = "utf-8-sig", newline: str | None = None) -> Iterator[TextIO]:
    """The same as text; bytes that are none become U+FFFD."""
    with opened(path) as stream, io.TextIOWrapper(stream, encoding, "replace", newline) as text:
        yield text


def beginning(path: str) -> bytes:
    """The first bytes of a file, decompressed."""
    with opened(path) as stream:
        return stream.read(BEGINNING)


@contextmanager
def seekable(path: str) -> Iterator[BinaryIO]:
    """The same as `opened`, for those who begin at the end."""
    with opened(path) as stream:
        if isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO):
            yield stream
            return
        with tempfile.TemporaryFile() as whole:
            shutil.copyfileobj(stream, whole)
            whole.seek(0)
            yield whole


@contextmanager
def whole(path: str) -> Iterator[BinaryIO]:
    """The same as `seekable`, also of a named pipe or one of the shell's `<(...)`, which is empty afterwards."""
    with _read_errors(path):
        piped = path not in STDIN and stat.S_ISFIFO(os.stat(path).st_mode)
    if not piped:
        with seekable(path) as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as kept:
        with _read_errors(path), open(path, "rb") as pipe:
            shutil.copyfileobj(pipe, kept)
        kept.seek(0)
        with _read_errors(path), _decompressed(path, cast(BinaryIO, kept)) as stream:
            if stream is kept:
                yield stream
                return
            with tempfile.TemporaryFile() as unpacked:
                shutil.copyfileobj(stream, unpacked)
                unpacked.seek(0)
                yield unpacked


def size(path: str) -> int:
    """The bytes of a file as it lies there."""
    with _raw(path) as raw:
        return os.fstat(raw.fileno()).st_size


@contextmanager
def _read_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno is None:  # pyarrow's word for damaged
            raise _damaged(path, error) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # of a copy: no reading takes room
            raise InvalidInput(
                f"{tempfile.gettempdir()} cannot hold what is read ({error.strerror}); set TMPDIR to a folder with "
                "more room"
            ) from error
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error


def _damaged(path: str, error: Exception) -> CorruptData:
    reason = str(error).partition("\n")[0]
    return CorruptData(f"{path} cannot be decompressed: {reason}; fetch or write it again")


def _raw(path: str) -> BinaryIO:
    if path in STDIN:
        return _stdin()
    if stat.S_ISFIFO(os.stat(path).st_mode):
        raise InvalidInput(f"{path} is a pipe, which can be read only once; pass - and pipe it in as stdin")
    return open(path, "rb")


def _stdin() -> BinaryIO:
    if sys.stdin is None:  # as Python has it where there is none
        raise InvalidInput("stdin is closed, but should hold a file; pipe one in")
    if sys.stdin not in _kept:
        kept = tempfile.TemporaryFile()
        try:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.flush()
        except BaseException:
            with suppress(OSError):  # it tries again to write what found no room
                kept.close()
            raise
        _kept[sys.stdin] = cast(BinaryIO, kept)
        finalize(sys.stdin, kept.close)
    copy = os.fdopen(os.dup(_kept[sys.stdin].fileno()), "rb")
    copy.seek(0)
    return copy


@contextmanager
def _decompressed(path: str, raw: BinaryIO) -> Iterator[BinaryIO]:
    begun = cast(io.BufferedReader, raw).peek(10)
    for name, mark in OTHERS.items():
        if mark.match(begun):
            raise InvalidInput(f"{path} is compressed by {name}, but only gzip and zstd are read; decompress it first")
    magic = begun[:4]
    if magic.startswith(GZIP):
        with gzip.open(raw) as stream:
            yield cast(BinaryIO, stream)
    elif magic == ZSTD:
        with _zstd(path, raw) as stream:
            yield stream
    else:
        yield raw


def _zstd(path: str, raw: BinaryIO) -> Any:
    try:
        return import_module("compression.zstd").ZstdFile(raw)
    except ImportError:
        pass
    try:
        return import_module("pyarrow").CompressedInputStream(raw, "zstd")
    except ImportError as error:
        raise MissingDependency(
            f"{path} is compressed by zstd, which needs Python 3.14 or pyarrow; pip install 'beforehand[parquet]'"
        ) from error
