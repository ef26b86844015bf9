"""Keys of the SOSD benchmark: a count of 8 bytes, then as many sorted unsigned integers, little-endian."""

import os
from os import PathLike
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput

COUNT: Final = 8  # bytes
WIDTHS: Final = {"uint32": 4, "uint64": 8}


def read(path: str | PathLike[str], *, limit: int | None = None) -> NDArray[np.uint64]:
    """The distinct keys in a file such as `fb_200M_uint64` or `books_200M_uint32`, in ascending order.

    Args:
        path: Whose name ends in `uint32` or `uint64`, as all of SOSD's do; else the size of the file says which.
        limit: So many keys at most, evenly spaced over the file: neighbors become strangers, as in a sample.

    Guarantee:
        uint64, sorted, each once. What repeats, as in `wiki_ts`, is there once.

    Cost:
        The file is mapped; without a limit its keys are copied.

    Raises:
        InvalidInput: The file cannot be read, or `limit` is below 1.
        CorruptData: It has not as many keys as it says, or they do not ascend.

    Reference:
        Marcus, Kipf, van Renen, Stoian, Misra, Kemper, Neumann, Kraska: Benchmarking Learned Indexes. PVLDB 14, 2020;
        https://github.com/learnedsystems/SOSD.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 1):
        raise InvalidInput(f"limit is {limit!r}, but must be a whole number from 1, or None for all keys")
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as stream:
            count = int.from_bytes(stream.read(COUNT), "little")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    width = next((bytes_ for name, bytes_ in WIDTHS.items() if PurePath(path).name.endswith(name)), None)
    found = [each for each in WIDTHS.values() if size == COUNT + each * count and width in (None, each)]
    if size < COUNT or not found:
        raise CorruptData(
            f"{path} says that {count:,} keys follow, but has {size:,} bytes, not {COUNT} and 4 or 8 for each; "
            "check that it is whole"
        )
    if not count:
        return np.empty(0, np.uint64)
    stored = np.memmap(path, f"<u{found[0]}", "r", COUNT, (count,))
    places = slice(None) if limit is None or limit >= count else np.linspace(0, count - 1, int(limit)).astype(np.int64)
    keys = np.asarray(stored[places]).astype(np.uint64)
    if (keys[1:] < keys[:-1]).any():
        raise CorruptData(f"{path} has keys that do not ascend; check that it is a file of keys, not of look-ups")
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
