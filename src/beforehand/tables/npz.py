"""npz: numpy's arrays in a zip archive. It holds everything."""

import json
import zipfile
from typing import BinaryIO

import numpy as np

from beforehand.tables.naming import MARK, Arrays, Mark


def read(stream: BinaryIO) -> tuple[Arrays, Mark]:
    """Read what `write` or numpy wrote; never unpickles."""
    arrays = {}
    with zipfile.ZipFile(stream) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays, json.loads(str(arrays.pop(MARK, "{}")))


def write(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    """Write everything there is."""
    with zipfile.ZipFile(stream, "w") as archive:  # np.savez would take columns named file or allow_pickle for its own
        for name, array in {MARK: np.array(json.dumps(mark)), **arrays}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
