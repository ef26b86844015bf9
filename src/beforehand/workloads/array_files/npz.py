"""The npz format: a zip archive of .npy files."""

import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from beforehand.core.errors import BeforehandError, CorruptData
from beforehand.workloads.array_files.npy import npy_pieces, read_npy
from beforehand.workloads.array_files.stored import Spool, Stored


def read_npz(stream: BinaryIO, unnamed: str | None = None) -> list[Stored]:
    """All arrays, each unpacked to a temporary file.

    Raises:
        InvalidInput: one holds something else than numbers, text or times.
        CorruptData: the archive is damaged, or holds something else than arrays.
    """
    found: list[Stored] = []
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in {each.name for each in found}:
                raise CorruptData(f"its member {member.filename!r} is no array, or one of several of that name")
            try:
                with unpacked(archive, member) as stream:
                    found.append(read_npy(stream, name, unnamed))
            except BeforehandError as error:
                raise type(error)(f"array {name}: {error}") from error
    return found


def write_npz(stream: BinaryIO, arrays: Iterable[Stored]) -> None:
    """An archive of these arrays, as numpy.savez writes it."""
    with zipfile.ZipFile(stream, "w") as archive:
        for array in arrays:
            with archive.open(f"{array.name}.npy", "w", force_zip64=True) as member:
                for piece in npy_pieces(array):
                    member.write(piece)


@contextmanager
def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    """A member in a temporary file; its checksum has been compared."""
    spool = Spool()
    with archive.open(member) as packed:
        shutil.copyfileobj(packed, spool)
    with spool.finished() as stream:
        yield stream
