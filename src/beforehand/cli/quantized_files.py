"""Files of arrays that commands round: single ones, and all those in a folder."""

import io
import os
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, final

from beforehand import quantization as area
from beforehand.cli.inputs import keep_input, naming, read_trace
from beforehand.core.errors import BeforehandError, InvalidInput
from beforehand.core.files import writing
from beforehand.quantization.inputs import Values, as_values_of
from beforehand.workloads import array_files
from beforehand.workloads.array_files.archive import Archive
from beforehand.workloads.array_files.stored import BITS, Stored, held_as
from beforehand.workloads.reading import stored

STDOUT = ("-", "/dev/stdout")
Rounder = Callable[[Values], tuple[Any, area.Codes]]  # levels and codes of an array


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read arrays: names of those to round, the dtype that .npy does not tell, and what to do with nulls."""

    names: Sequence[str] = ()
    unnamed: str | None = None
    drop_nulls: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of a file or a folder: lines to tell the user, and for each file that failed in a folder why."""

    lines: list[str]
    failed: Sequence[str] = ()


def encode_path(source: str, output: str, reading: Reading, rounder: Rounder) -> Done:
    """Round the arrays of a file, or of each file in a folder, of which one that fails does not stop the others.

    Raises:
        BeforehandError: a single file cannot be read, rounded or written; there is nothing to round in a folder.
    """
    check_named(output)
    if not Path(source).is_dir():
        _check_ending(source, output)
        return Done(lines=[_encode(source, output, reading, rounder)])
    files, ignored = files_in(source, array_files.ENDINGS)
    made = targets(files, source, output, lambda path: ".bhq")
    lines, failed = [], []
    for path, target in made:
        try:
            lines.append(_encode(str(path), str(target), reading, rounder))
        except array_files.NothingToRound:
            ignored.append(str(path))
        except BeforehandError as error:
            failed.append(str(error))
    if not lines and not failed:
        raise InvalidInput(f"{source} holds nothing to round in {_few(ignored)}; name another folder")
    if ignored:
        count = "1 file that holds" if len(ignored) == 1 else f"{len(ignored)} files that hold"
        lines.append(f"left out {count} nothing to round: {_few(ignored)}")
    return Done(lines=lines, failed=failed)


def read_vectors(source: str, kind: str | None, reading: Reading) -> Any:
    """What to plan on or to audit with: a trace, or an array with vectors along its last axis.

    Raises:
        BeforehandError: it cannot be read, or has several arrays of which none is named.
    """
    check_single(source)
    if kind is not None or _is_trace(source):
        return read_trace(Path(source), kind)
    file = array_files.read_arrays(source, reading.names, unnamed=reading.unnamed, drop_nulls=reading.drop_nulls)
    if len(file.chosen) > 1:
        raise InvalidInput(f"{source} has several arrays: {_few(file.chosen)}; name one of them by --name")
    array = next(each for each in file.arrays if each.name in file.chosen)
    data = array.all()
    if array.dtype in BITS:
        data = as_values_of(data, array.dtype).floats
    return data if data.ndim > 1 else [data.ravel()]


def check_named(output: str) -> None:
    """Raise if an output has no name.

    Raises:
        InvalidInput: it has none.
    """
    if not output:
        raise InvalidInput("output is empty; name a file or a folder by --output, or - for stdout")


def _check_ending(source: str, output: str) -> None:
    """Raise if codes would be written to what looks like a file of arrays, and perhaps over one."""
    keep_input(source, output)
    if array_files.format_of(output) is not None:
        ending = Path(output).suffix
        raise InvalidInput(
            f"output is {output}, but codes are no {ending}; take .bhq, and decode writes {ending} again"
        )


def check_single(source: str) -> None:
    """Raise if a source is a folder, where a command takes one file.

    Raises:
        InvalidInput: it is one.
    """
    if Path(source).is_dir():
        raise InvalidInput(f"{source} is a folder, but this command takes one file; name one of its files")


@contextmanager
def opened_output(output: str, source: str) -> Iterator[BinaryIO]:
    """Where to write: a file that appears when all is well, a pipe, or stdout.

    Raises:
        InvalidInput: it is the input, or a terminal, or cannot be written.
    """
    keep_input(source, output)
    if output.endswith("/"):
        raise InvalidInput(f"output is {output}, a folder, but {source} becomes one file; name that")
    if output not in STDOUT:
        with writing(output) as stream:
            yield stream
        return
    if sys.stdout.isatty():
        raise InvalidInput("stdout is a terminal, which is no place for bytes; pipe it, or pass --output FILE")
    try:
        with _all_of(sys.stdout.buffer) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InvalidInput(f"stdout cannot be written: {error.strerror}; choose another place") from error


@contextmanager
def _all_of(stream: Any) -> Iterator[BinaryIO]:
    """A stream that writes all it is given, or raises: with PYTHONUNBUFFERED that of stdout may write less."""
    buffered = io.BufferedWriter(stream) if isinstance(stream, io.RawIOBase) else stream
    try:
        yield buffered
        buffered.flush()
    finally:
        if buffered is not stream:
            with suppress(OSError):  # it tries again to write what could not be written
                buffered.detach()


def _encode(source: str, output: str, reading: Reading, rounder: Rounder) -> str:
    keep_input(source, output)
    file = array_files.read_arrays(source, reading.names, unnamed=reading.unnamed, drop_nulls=reading.drop_nulls)
    dropped = f"; left out {file.dropped} rows with nulls" if file.dropped else ""
    if file.form == "npy":  # alone and without a name, so that nothing but codes need be written
        levels, codes = _rounded(file.arrays[0], source, rounder)
        with opened_output(output, source) as stream:
            stream.write(codes.to_bytes())
        size, raw = codes.nbytes, _bytes_of(file.arrays[0])
        smaller = f"{size:,} bytes, {codes.bits_per_value:.3g} bits a value, {_smaller(raw, size)}"
        return f"wrote {told_of(output)}: {smaller}; vNMSE {levels.vnmse:.3g} ({_how(codes, levels)}){dropped}"
    with opened_output(output, source) as stream:
        counted = _Counted(stream)
        done = _archive(file, source, counted, rounder)
    before = file.nbytes or sum(map(_bytes_of, file.arrays)) + (0 if file.rest is None else file.rest.size)
    smaller = f"{counted.size:,} bytes, {_smaller(before, counted.size)}"
    return f"wrote {told_of(output)}: {smaller}{done}{dropped}"


def _archive(file: array_files.ArrayFile, source: str, stream: Any, rounder: Rounder) -> str:
    """Write what is rounded and what is kept, and say which is which."""
    kept = list(file.columns)
    rounded: list[str] = []
    worst, how = (0.0, ""), ""
    several = len(file.arrays) > 1
    with Archive(stream=stream, form=file.form, notes=file.notes) as archive:
        for array in file.arrays:
            if array.name in file.chosen and (array.size or not several):
                levels, codes = _rounded(array, source, rounder)
                if codes.nbytes < _bytes_of(array) or not several:
                    archive.add_codes(array.name, codes.to_bytes())
                    rounded.append(array.name)
                    worst, how = max(worst, (levels.vnmse, array.name)), _how(codes, levels)
                    del codes  # two are never held
                    continue
            archive.add_kept(array)
            kept.append(array.name)
        archive.finish(file.rest)
    named = file.notes.get("columns", []) if rounded == [""] else rounded
    what = f"; rounded {_few(named)}" if named else ""
    more = f"; kept {_few(kept)} as {'it was' if len(kept) == 1 else 'they were'}" if kept else ""
    of = f" of {worst[1]}" if worst[1] else ""
    return what + more + (f"; largest vNMSE {worst[0]:.3g}{of} ({how})" if rounded else "")


def _rounded(array: Stored, source: str, rounder: Rounder) -> tuple[Any, area.Codes]:
    with naming(Path("stdin" if source == "-" else source)):
        try:
            return rounder(as_values_of(array.all(), array.dtype))
        except BeforehandError as error:
            if not array.name:
                raise
            raise type(error)(f"array {array.name}: {error}") from error


def _is_trace(source: str) -> bool:
    """Whether it is one in a format of ours, which csv does not tell, and in which no csv could be."""
    ending = Path(source).suffix.lower()
    if ending == ".jsonl":
        return True
    names = {".npz": stored.npz_names, ".parquet": stored.parquet_names}.get(ending)
    return names is not None and os.path.isfile(source) and bool(names(source)[1])


def files_in(folder: str, endings: Container[str]) -> tuple[list[Path], list[str]]:
    """The files below a folder with one of these endings, and the names of all others, without what is hidden.

    Raises:
        InvalidInput: there are none.
    """
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file() and not _is_hidden(path, folder)]
    found = [path for path in files if path.suffix.lower() in endings]
    if not found:
        raise InvalidInput(f"{folder} holds no file that could be read; name another folder, or its files")
    return found, [str(path) for path in files if path not in found]


def _is_hidden(path: Path, folder: str) -> bool:
    """Whether the file, or a folder that it lies in, has a name that begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def targets(files: Sequence[Path], source: str, output: str, ending: Callable[[Path], str]) -> list[tuple[Path, Path]]:
    """Each file with the place of what is made of it."""
    if output == "-" or (Path(output).exists() and not Path(output).is_dir()):
        raise InvalidInput(f"output is {output}, but {source} is a folder; name a folder for its files")
    if Path(output).exists() and Path(output).samefile(source):
        raise InvalidInput(f"{output} and the input {source} are one folder; choose another place")
    made: dict[Path, Path] = {}
    for path in files:
        target = (Path(output) / path.relative_to(source)).with_suffix(ending(path))
        if target in made:
            raise InvalidInput(f"{made[target]} and {path} would both become {target}; rename one of them")
        made[target] = path
    for target, path in made.items():
        keep_input(str(path), target)
        target.parent.mkdir(parents=True, exist_ok=True)
    return [(path, target) for target, path in made.items()]


def _how(codes: area.Codes, levels: Any) -> str:
    theory = " in theory" if levels.method == "rotation" else ""  # of others the error was measured
    return f"{levels.method}{theory}, {levels.objective}, seed {codes.seed}"


def told_of(output: str) -> str:
    """What users call a place to write to."""
    return "stdout" if output == "-" else output


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(name or "it" for name in names[:5]) + more or "nothing"


def _smaller(before: int, after: int) -> str:
    if before < after:
        return f"{after / max(1, before):.3g} times larger"
    return f"{before / after:.3g} times smaller"


def _bytes_of(array: Stored) -> int:
    return array.size * held_as(array.dtype).itemsize


class _Counted:
    """A stream that knows how many bytes went through it; never sought in, so that a pipe will do."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.size = stream, 0

    def write(self, data: Any) -> int:
        """Hand them on."""
        self._stream.write(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def flush(self) -> None:
        """Hand that on, too."""
        self._stream.flush()
