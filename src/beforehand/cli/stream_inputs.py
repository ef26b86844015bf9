"""Streams that commands read: files or stdin, text or tables, batch by batch in bounded memory."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, final

import typer

from beforehand.cli import stream_tables
from beforehand.cli.interrupts import Interrupted, Interrupts
from beforehand.cli.stream_tables import Batch, Heard

Format = Literal["auto", "text", "words", "csv", "jsonl", "parquet", "trace"]
Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="The parts of one stream, in order; - is stdin.")]
Column = Annotated[str | None, typer.Option(metavar="COL", help="Column of keys; else key, or the only one.")]
Weights = Annotated[str | None, typer.Option(metavar="COL", help="Column of weights: integers from 1 on; else all 1.")]
InputFormat = Annotated[
    Format,
    typer.Option("--format", help="text: a key is a line; words: split at white space; auto: by the ending."),
]
ENDINGS: dict[str, Format] = {
    ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".npz": "trace", ".npy": "trace",
}  # fmt: skip
TEXT = ("text", "words")
COMPRESSED = {".gz": "zcat", ".bz2": "bzcat", ".xz": "xzcat", ".zst": "zstdcat"}  # and what reads them
Update: TypeAlias = Callable[[Any, Any], object]
POLL = 0.2  # seconds between two looks at a file that may grow


@final
@dataclass(frozen=True, kw_only=True)
class StreamInput:
    """What to read, and from where.

    Args:
        files: Paths, or - for stdin.
        column: Column of keys; None for `key`, or the only column there is.
        weights: Column of weights; None for none.
        format: Of all files; "auto" goes by the ending of each, and without one it is text.
        follow: Wait for more at the end of the last file, which must be text, until Ctrl-C.
    """

    files: Sequence[str]
    column: str | None = None
    weights: str | None = None
    format: Format = "auto"
    follow: bool = False

    def size(self) -> int | None:
        """Bytes of all files; None if they are not known beforehand."""
        if "-" in self.files or self.follow:
            return None
        return sum(os.path.getsize(file) for file in self.files if os.path.exists(file))

    def feed(self, update: Update, interrupts: Interrupts, heard: Heard = lambda _: None) -> None:
        """Hand the arrivals of all files to `update`, until Ctrl-C.

        Args:
            update: Takes keys and weights, as that of a summary; errors of it are this file's.
            interrupts: Where to hear of Ctrl-C.
            heard: Told how many bytes were read.

        Raises:
            InvalidInput: a file cannot be read, or not so; it has no such column, or holds what is no key.
            CorruptData: a file is damaged.
            MissingDependency: a file can only be read by a library that is not installed.
        """
        held: tuple[str, str] | None = None  # a kind of keys, and the first file that holds them
        for file in self.files:
            with _naming(file), suppress(Interrupted):
                checked = False
                for batch in self._batches(file, interrupts, heard, follow=self.follow and file is self.files[-1]):
                    if not checked and len(batch.keys):
                        checked, held = True, _checked(batch.keys, file, held)
                    update(batch.keys, batch.weights)
                    if interrupts.asked:
                        break
            if interrupts.asked:
                return

    def _batches(self, file: str, interrupts: Interrupts, heard: Heard, *, follow: bool) -> Iterator[Batch]:
        from beforehand.core.errors import InvalidInput
        from beforehand.streams.text import cut

        form = self._format(file)
        if form in TEXT:
            for option, value in (("column", self.column), ("weights", self.weights)):
                if value is not None:
                    raise InvalidInput(
                        f"{option} is {value!r}, but this is read as text, which has no columns; pass --format csv"
                    )
            blocks = _blocks(file, interrupts, heard, follow=follow)
            return (Batch(keys) for keys in cut(stream_tables.unmarked(blocks), words=form == "words"))
        if follow:
            raise InvalidInput(f"only text can be followed, but this is read as {form}; pass --format text")
        if form == "csv" and Path(file).is_file() and find_spec("pyarrow"):
            return stream_tables.csv_file_batches(Path(file), self.column, self.weights, heard)
        if form in ("csv", "jsonl"):
            read = stream_tables.csv_batches if form == "csv" else stream_tables.jsonl_batches
            blocks = _blocks(file, interrupts, heard, follow=False)
            return read(stream_tables.unmarked(blocks), self.column, self.weights)
        if file == "-":
            raise InvalidInput(f"{form} is read from its end, which stdin does not allow; write it to a file first")
        stored = stream_tables.parquet_batches if form == "parquet" else stream_tables.trace_batches
        return stored(Path(file), self.column, self.weights, heard)

    def _format(self, file: str) -> Format:
        from beforehand.core.errors import InvalidInput
        from beforehand.workloads.formats import pcap_csv

        if self.format != "auto":
            return self.format
        ending = Path(file).suffix.lower()
        if ending in COMPRESSED:
            raise InvalidInput(f"it is compressed; pipe it in: {COMPRESSED[ending]} {file} | beforehand streams ... -")
        if ending == ".bhss":
            raise InvalidInput("it holds a summary or a model, not a stream; look at it by beforehand streams show")
        form = ENDINGS.get(ending, "text")
        return "trace" if form == "csv" and pcap_csv.recognize(file) else form


def _checked(keys: Any, file: str, held: tuple[str, str] | None) -> tuple[str, str] | None:
    """What kind of keys there are, and in which file first.

    Raises:
        InvalidInput: they are none, or of another kind than those of the files before.
    """
    from beforehand import _native
    from beforehand.core.errors import InvalidInput

    kind = kind_in_words(_native.Keys(keys, 0).kind)
    if held is not None and kind not in ("none", held[0]):
        raise InvalidInput(mixed(kind, held[0], held[1]))
    return (kind, file) if held is None and kind != "none" else held


def kind_in_words(kind: str) -> str:
    """What users call a kind of keys."""
    return {"u64": "integers", "i64": "integers", "str": "text"}.get(kind, kind)


def mixed(kind: str, other: str, file: object) -> str:
    """What to do where two files hold keys of two kinds."""
    return (
        f"its keys are {kind}, but those of {file} are {other}; a stream has keys of one kind, and csv and text files "
        "hold text alone: write both in one format"
    )


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Put the file's name before errors about it."""
    from beforehand.cli.inputs import naming
    from beforehand.core.errors import InvalidInput

    with naming(Path("stdin" if file == "-" else file)):
        try:
            yield
        except OSError as error:
            raise InvalidInput(f"it cannot be read: {error.strerror}; check the path") from error


def _blocks(file: str, interrupts: Interrupts, heard: Heard, *, follow: bool) -> Iterator[bytes]:
    """The bytes of a file as they come; Ctrl-C ends it by Interrupted, so that no half of a row counts as one."""
    from beforehand.core.errors import InvalidInput
    from beforehand.streams.text import BLOCK

    if file == "-" and sys.stdin is None:  # as Python has it where there is none
        raise InvalidInput("it is closed; pipe something in")
    follow &= file != "-"  # which is at its end when whoever writes to it says so
    descriptor = sys.stdin.fileno() if file == "-" else os.open(file, os.O_RDONLY)
    try:
        while True:
            interrupts.wait(descriptor)
            replaced = follow and _replaced(file, descriptor)  # asked first, so that the old file is read to its end
            block = os.read(descriptor, BLOCK)
            if block:
                heard(len(block))
                yield block
            elif not follow:
                return
            elif replaced:
                with suppress(FileNotFoundError):  # removed again since
                    new = os.open(file, os.O_RDONLY)
                    os.close(descriptor)
                    descriptor = new
            else:
                interrupts.wait(seconds=POLL)
    finally:
        if file != "-":
            os.close(descriptor)


def _replaced(file: str, descriptor: int) -> bool:
    """Whether another file has this name now, or the same one was emptied to begin anew."""
    held = os.fstat(descriptor)
    try:
        named = os.stat(file)
    except FileNotFoundError:  # while logs are rotated
        return False
    return not os.path.samestat(held, named) or held.st_size < os.lseek(descriptor, 0, os.SEEK_CUR)
