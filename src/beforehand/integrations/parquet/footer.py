"""Whether a Parquet file is still the one that was indexed: its size, and the checksum of its footer."""

import os
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput

TAIL: Final = 8  # bytes: the length of the footer, then the magic
MAGICS: Final = (b"PAR1", b"PARE")


class Fingerprint(NamedTuple):
    """What changes whenever a writer has written a file anew; copies have the same."""

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
    return Fingerprint(size, _native.crc32c(np.frombuffer(footer, np.uint8)))
