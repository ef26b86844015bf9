"""Whether a Parquet file is still the one that was indexed: its size, and checksums of its footer and its values."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from beforehand.core.checksum import crc32c
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet.reading import Reader

TAIL: Final = 8  # bytes: the length of the footer, then the magic
MAGICS: Final = (b"PAR1", b"PARE")


class Fingerprint(NamedTuple):
    """What changes with the layout of a file; copies have the same, and files of which only values differ may."""

    bytes: int
    footer: int


def fingerprint(path: Path) -> Fingerprint:
    """Size, and CRC-32C of the footer with the eight bytes behind it.

    Raises:
        InvalidInput: The file cannot be read.
        CorruptData: It does not end as Parquet files do.
    """
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - TAIL, 0))
            tail = stream.read(TAIL)
            length = int.from_bytes(tail[:4], "little") + TAIL
            if tail[4:] not in MAGICS or length > size:
                raise CorruptData(f"{path} does not end as Parquet files do; check that it is whole")
            stream.seek(size - length)
            footer = stream.read(length)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    return Fingerprint(size, crc32c(footer))


def checksum_of(chunks: Iterable[int]) -> int:
    """The checksum of a file's values, from those of its chunks: by row group, and in it by column."""
    return crc32c(np.array(list(chunks), "<u4").tobytes())


def values_of(path: Path, columns: Sequence[str]) -> int:
    """The checksum of what a file stores of these columns.

    Raises:
        InvalidInput: The file cannot be read.
        CorruptData: It is no Parquet file.
    """
    with Reader(path) as reader:
        groups = range(len(reader.rows))
        return checksum_of(crc for group in groups for crc in reader.chunk_checksums(group, columns))


class Stamp(NamedTuple):
    """What another time of writing changes: a file with the same was not touched."""

    bytes: int
    written: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """That of a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


def written_at(status: os.stat_result) -> int:
    """When a file was written, in nanoseconds after 1970."""
    return max(status.st_mtime_ns, 0)
