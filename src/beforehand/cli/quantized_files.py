"""Files of arrays that commands round, and files of codes that they turn back: single, archives and folders."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, final

from beforehand import quantization as area
from beforehand.cli.inputs import keep_input, naming, read_trace
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.core.files import writing
from beforehand.quantization.dtypes import as_bits
from beforehand.quantization.inputs import Values, as_values_of
from beforehand.workloads import array_files
from beforehand.workloads.array_files.archive import Archive, read_archive
from beforehand.workloads.array_files.stored import BITS, Stored, held_as
from beforehand.workloads.array_files.writing import write_arrays
from beforehand.workloads.reading import stored
from beforehand.workloads.reading.sources import whole

STDOUT = ("-", "/dev/stdout")
CODES = b"\x89BHVC\r\n\x1a"  # how codes begin
Rounder = Callable[[Values], tuple[Any, area.Codes]]  # levels and codes of an array


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read arrays: names of those to round, the dtype that .npy does not tell, and what to do with nulls."""

    names: Sequence[str] = ()
    unnamed: str | None = None
    drop_nulls: bool = False


def encode_path(source: str, output: str, reading: Reading, rounder: Rounder) -> list[str]:
    """Round the arrays of a file, or of each file in a folder.

    Returns:
        What to tell the user, in lines.

    Raises:
        BeforehandError: a file cannot be read, rounded or written.
    """
    if not Path(source).is_dir():
        return [_encode(source, output, reading, rounder)]
    files, ignored = _files(source, array_files.ENDINGS)
    made = _targets(files, source, output, lambda path: ".bhq")
    lines = [_encode(str(path), str(target), reading, rounder) for path, target in made]
    if ignored:
        count = "1 file that holds" if len(ignored) == 1 else f"{len(ignored)} files that hold"
        lines.append(f"left out {count} no arrays: {_few(ignored)}")
    return lines


def decode_path(
    source: str, output: str, names: Sequence[str] = (), *, dtype: str | None = None, threads: int = 1
) -> list[str]:
    """Turn a file of codes into a file of arrays, or each file in a folder.

    Returns:
        What to tell the user, in lines.

    Raises:
        BeforehandError: a file cannot be read or written.
    """
    if not Path(source).is_dir():
        return [_decode(source, output, names, dtype, threads)]
    files, _ = _files(source, {".bhq": "codes"})
    made = _targets(files, source, output, lambda path: f".{_form_of(path).removesuffix('_stream')}")
    return [_decode(str(path), str(target), names, dtype, threads) for path, target in made]


def read_vectors(source: str, kind: str | None, reading: Reading) -> Any:
    """What to plan on or to audit with: a trace, or an array with vectors along its last axis.

    Raises:
        BeforehandError: it cannot be read, or has several arrays of which none is named.
    """
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


def read_codes(source: str) -> tuple[str, dict[str, area.Codes], list[Stored]]:
    """The format of the source, the codes by their names, and what was kept as it was.

    Raises:
        BeforehandError: it cannot be read.
    """
    form, found, _, _ = _contents(source)
    codes = {name: each for name, each in found if isinstance(each, area.Codes)}
    return form, codes, [each for _, each in found if isinstance(each, Stored)]


@contextmanager
def opened_output(output: str, source: str) -> Iterator[BinaryIO]:
    """Where to write: a file that appears when all is well, a pipe, or stdout.

    Raises:
        InvalidInput: it is the input, or a terminal, or cannot be written.
    """
    keep_input(source, output)
    if output not in STDOUT:
        with writing(output) as stream:
            yield stream
        return
    if sys.stdout.isatty():
        raise InvalidInput("stdout is a terminal, which is no place for bytes; pipe it, or pass --output FILE")
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InvalidInput(f"stdout cannot be written: {error.strerror}; choose another place") from error


def _encode(source: str, output: str, reading: Reading, rounder: Rounder) -> str:
    keep_input(source, output)
    file = array_files.read_arrays(source, reading.names, unnamed=reading.unnamed, drop_nulls=reading.drop_nulls)
    dropped = f"; left out {file.dropped} rows with nulls" if file.dropped else ""
    if file.form == "npy":  # alone and without a name, so that nothing but codes need be written
        levels, codes = _rounded(file.arrays[0], source, rounder)
        with opened_output(output, source) as stream:
            stream.write(codes.to_bytes())
        size, raw = codes.nbytes, _bytes_of(file.arrays[0])
        smaller = f"{size:,} bytes, {codes.bits_per_value:.3g} bits a value, {raw / size:.3g} times smaller"
        return f"wrote {_told(output)}: {smaller}; vNMSE {levels.vnmse:.3g} ({_how(codes, levels)}){dropped}"
    worst, kept, before, after = (0.0, ""), [], 0, 0
    rounded: list[str] = []
    how = ""
    with opened_output(output, source) as stream:
        counted = _Counted(stream)
        with Archive(stream=counted, form=file.form, notes=file.notes) as archive:  # type: ignore[arg-type]
            for array in file.arrays:
                before += _bytes_of(array)
                if array.name not in file.chosen or (not array.size and len(file.chosen) > 1):
                    archive.add_kept(array)
                    kept.append(array.name)
                    continue
                levels, codes = _rounded(array, source, rounder)
                if codes.nbytes >= _bytes_of(array) and len(file.chosen) > 1:
                    archive.add_kept(array)
                    kept.append(array.name)
                    continue
                archive.add_codes(array.name, codes.to_bytes())
                rounded.append(array.name)
                worst, how = max(worst, (levels.vnmse, array.name)), _how(codes, levels)
            archive.finish(file.rest)
        after = counted.size
    if file.rest is not None:
        before += file.rest.size
    of = f" of {worst[1]}" if worst[1] else ""
    more = f"; kept {_few(kept)} as they were" if kept else ""
    error = f"; largest vNMSE {worst[0]:.3g}{of} ({how})" if rounded else ""
    what = f"; rounded {_few(rounded)}" if rounded != [""] else ""
    smaller = f"{after:,} bytes, {before / after:.3g} times smaller"
    return f"wrote {_told(output)}: {smaller}{what}{more}{error}{dropped}"


def _rounded(array: Stored, source: str, rounder: Rounder) -> tuple[Any, area.Codes]:
    with naming(Path("stdin" if source == "-" else source)):
        try:
            return rounder(as_values_of(array.all(), array.dtype))
        except BeforehandError as error:
            if not array.name:
                raise
            raise type(error)(f"array {array.name}: {error}") from error


def _decode(source: str, output: str, names: Sequence[str], dtype: str | None, threads: int) -> str:
    keep_input(source, output)
    form, found, notes, rest = _contents(source)
    if names:
        with naming(Path(source)):
            chosen = array_files.matching([name for name, _ in found], names)
        found = [(name, each) for name, each in found if name in chosen]
    arrays = [each if isinstance(each, Stored) else _decoded(each, name, dtype, threads) for name, each in found]
    wanted = array_files.format_of(output) or form
    if wanted == "arrow" and form == "arrow_stream":
        wanted = form
    with opened_output(output, source) as stream, naming(Path(output)):
        write_arrays(stream, wanted, arrays, notes, rest)
    lost = wanted not in ("parquet", "arrow", "arrow_stream") and rest is not None
    told = ", ".join(f"{array.name} {array.dtype} of shape {array.shape}".lstrip() for array in arrays[:5])
    more = f" and {len(arrays) - 5} more" if len(arrays) > 5 else ""
    left = "; left out other columns, which Parquet would hold" if lost else ""
    return f"wrote {_told(output)}: {told}{more}{left}"


def _is_trace(source: str) -> bool:
    """Whether it is one in a format of ours, which csv does not tell, and in which no csv could be."""
    ending = Path(source).suffix.lower()
    if ending == ".jsonl":
        return True
    names = {".npz": stored.npz_names, ".parquet": stored.parquet_names}.get(ending)
    return names is not None and os.path.isfile(source) and bool(names(source)[1])


def _contents(source: str) -> tuple[str, list[tuple[str, area.Codes | Stored]], Any, Any]:
    told = Path("stdin" if source == "-" else source)
    with whole(source) as stream, naming(told):
        begun = stream.read(8)
        stream.seek(0)
        if not begun.startswith(b"PK"):
            return "npy", [("", area.Codes.from_bytes(stream.read()))], {}, None
        try:
            contents = read_archive(stream)
        except BeforehandError:
            raise
        except Exception as error:  # the parsers of zip and JSON each raise what they like
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise CorruptData(f"it cannot be read: {reason}; check that it is whole") from error
        found: list[tuple[str, area.Codes | Stored]] = []
        for each in contents.arrays:
            if isinstance(each, Stored):
                found.append((each.name, each))
                continue
            with naming(Path(f"array {each[0]}")):
                found.append((each[0], area.Codes.from_bytes(each[1])))
        return contents.form, found, contents.notes, contents.rest


def _decoded(codes: area.Codes, name: str, dtype: str | None, threads: int) -> Stored:
    """An array that is decoded when its rows are asked for; what is rotated, or stands for few bytes, at once."""
    made: list[Any] = []
    if dtype is None:
        dtype = codes.dtype if "float" in codes.dtype else codes.levels.dtype.name
    to = dtype

    def rows(first: int, last: int) -> Any:
        if codes.shape and codes.bits and codes.method != "rotation":
            return as_bits(area.decode(codes, rows=slice(first, last), threads=threads), to)
        if not made:
            made.append(area.decode(codes, threads=threads))
        found = made[0] if codes.shape else made[0].reshape(1)
        return as_bits(found[first:last], to)

    return Stored(name=name, dtype=to, shape=codes.shape, rows=rows)


def _form_of(path: Path) -> str:
    with open(path, "rb") as stream:
        if stream.read(8) == CODES:
            return "npy"
        stream.seek(0)
        with naming(path):
            return read_archive(stream).form


def _files(folder: str, endings: Any) -> tuple[list[Path], list[str]]:
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    found = [path for path in files if path.suffix.lower() in endings]
    if not found:
        raise InvalidInput(f"{folder} holds no file that ends in {', '.join(endings)}; name another folder")
    return found, [str(path) for path in files if path not in found]


def _targets(files: Sequence[Path], source: str, output: str, ending: Callable[[Path], str]) -> list[tuple[Path, Path]]:
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
    return f"{levels.method}, {levels.objective}, seed {codes.seed}"


def _told(output: str) -> str:
    return "stdout" if output == "-" else output


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(name or "it" for name in names[:5]) + more or "nothing"


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
