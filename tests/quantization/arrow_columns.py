"""Columns of every kind that may hold numbers, for the tests of what is done with them where they lie."""

import numpy as np
import pyarrow as pa

ROWS = 3_000
WIDE = np.random.default_rng(0).lognormal(size=(ROWS, 6)).astype(np.float32)
LENGTHS = np.random.default_rng(1).integers(0, 9, ROWS)
RAGGED = np.random.default_rng(2).standard_normal(int(LENGTHS.sum()))


def listed(values, lengths, kind=pa.ListArray, offsets=np.int32):
    return kind.from_arrays(pa.array(np.append(0, np.cumsum(lengths)).astype(offsets)), pa.array(values))


class Tensor(pa.ExtensionType):
    """A list under another name, as Ray has it for tensors."""

    def __init__(self):
        super().__init__(pa.list_(pa.float32()), "tests.tensor")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls()


NARROW = WIDE[:, 0]
COLUMNS = {
    "float16": pa.array(NARROW.astype(np.float16)),
    "float32": pa.array(NARROW),
    "float64": pa.array(NARROW.astype(np.float64)),
    **{
        kind: pa.array((NARROW * 20).clip(0, 127).astype(kind))
        for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    },
    "list": listed(RAGGED, LENGTHS),
    "list of float32": listed(RAGGED.astype(np.float32), LENGTHS),
    "large list": listed(RAGGED, LENGTHS, pa.LargeListArray, np.int64),
    "fixed-size list": pa.FixedSizeListArray.from_arrays(pa.array(WIDE.reshape(-1)), 6),
    "list of whole numbers": listed((RAGGED * 50).astype(np.int32), LENGTHS),
    "tensor": pa.ExtensionArray.from_storage(Tensor(), listed(WIDE.reshape(-1), np.full(ROWS, 6))),
}


def values_of(column):
    """All numbers of it, by another way: through Python."""
    rows = getattr(column, "storage", column).to_pylist()
    flat = [value for row in rows for value in (row if isinstance(row, list) else [row])]
    return np.array(flat, np.float64)


def parted(table, pieces, seed=0):
    """Its rows in so many parts, some of them empty, as batches of odd sizes."""
    random = np.random.default_rng(seed)
    cuts = np.sort(random.integers(0, len(table) + 1, pieces - 1)).tolist()
    return [
        table.slice(first, last - first).to_batches(max_chunksize=int(random.integers(1, 700)))
        for first, last in zip([0, *cuts], [*cuts, len(table)], strict=True)
    ]
