"""A column of Arrow batches as codes, row by row: what a row becomes depends on nothing but the row and the table."""

from collections.abc import Sequence
from importlib import import_module  # pyarrow has no types
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization.dataset_columns import Nulls, flat, in_wide_dtype, is_list, plain, usable_values
from beforehand.quantization.encoding import encode
from beforehand.quantization.level_tables import Levels

MOST_STREAM = 2**56


def check_names(column: str, output: str | None, suffix: str, present: Sequence[str], rows: str | None = None) -> str:
    """The name of the column that is to be added.

    Raises:
        InvalidInput: A column that is read is not there, or one that is added is.
    """
    for name in (column, rows):
        if name is not None and name not in present:
            raise InvalidInput(f"there is no column {name!r}; there are {', '.join(present)}")
    added = f"{column}_{suffix}" if output is None else output
    if added in present:
        raise InvalidInput(f"output is {added!r}, but there is a column of that name; choose another")
    return added


def check_dtype(dtype: str) -> None:
    """Raise InvalidInput for a dtype that levels cannot be shown in."""
    if dtype not in ("float32", "float64"):
        raise InvalidInput(f"dtype is {dtype!r}, but must be float32 or float64")


def check_table(levels: Levels, seed: int | None, rows: str | None) -> None:
    """Raise InvalidInput if this table cannot encode rows one by one, or lacks what random rounding needs."""
    if not isinstance(levels, Levels):
        raise InvalidInput(f"levels is a {type(levels).__name__}, but must be what levels() of a histogram returned")
    if levels.values.ndim != 1 or levels.method in ("rotation", "scaled"):
        raise InvalidInput(
            f"levels have method {levels.method!r} and shape {levels.values.shape}, but a column wants a plain one; "
            "take that of column_histogram"
        )
    if levels.objective == "unbiased" and (seed is None or rows is None):
        raise InvalidInput(
            "these levels are for random rounding, so pass seed= and rows=, a column that numbers the rows; or take "
            "levels with objective='mse'"
        )


def encoded(table: Any, name: str, levels: Levels, nulls: Nulls, seed: int | None, rows: str | None) -> Any:
    """The codes of a column of an Arrow table or batch.

    Returns:
        An Arrow array. Numbers become codes, uint8 for at most 256 levels, else uint16. Lists become binary: the codes,
        packed as in `Codes`, then a byte with the remainder of their number by 8.

    Raises:
        InvalidInput: There are nulls, which the caller does not want dropped; values cannot be rounded.
    """
    arrow = import_module("pyarrow")
    column, streams = plain(table.column(name)), None
    if levels.objective == "unbiased" and rows is not None:
        streams = _streams(plain(table.column(rows)), rows)
    valid = np.asarray(column.is_valid())
    lengths = None
    if is_list(column.type):
        inner = plain(column.flatten())
        if is_list(inner.type):
            raise InvalidInput(f"column {name} holds lists of lists, but rows must be lists of numbers; flatten them")
        lengths = np.zeros(len(column), np.int64)
        lengths[valid] = import_module("pyarrow.compute").list_value_length(column.drop_null())
        if inner.null_count:
            row_of = np.repeat(np.arange(len(column)), lengths)
            broken = np.unique(row_of[~np.asarray(inner.is_valid())])
            keep = np.ones(len(column), np.bool_)
            keep[broken] = False
            inner = inner.filter(arrow.array(keep[row_of]))
            valid &= keep
            lengths[broken] = 0
        values, _ = flat(inner, name)
    else:
        values, _ = flat(column, name)
    if nulls == "raise" and not valid.all():
        missing = int(np.count_nonzero(~valid))
        raise InvalidInput(f"column {name} has nulls in {missing} rows; pass nulls='drop' to make their codes null")
    if not (usable := usable_values(values)).all():
        raise InvalidInput(
            f"column {name} has {values.size - np.count_nonzero(usable)} values that are NaN, infinite or integers "
            "beyond 2**53; drop them, or make them null"
        )
    values = in_wide_dtype(values)
    streams = None if streams is None else streams[valid]
    if lengths is None:
        return _scalars(values, levels, seed, streams, valid)
    return _lists(values, lengths[valid], levels, seed, streams, valid)


def _streams(column: Any, name: str) -> NDArray[np.int64]:
    """The numbers of the rows.

    Raises:
        InvalidInput: They are no whole numbers from 0 to 2**56 - 1.
    """
    if not import_module("pyarrow").types.is_integer(column.type) or column.null_count:
        raise InvalidInput(f"column {name} has type {column.type} or nulls, but must number the rows by whole numbers")
    numbers = column.to_numpy(zero_copy_only=False)
    if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < MOST_STREAM:
        raise InvalidInput(f"column {name} has numbers from {numbers.min()} on, but must have them from 0 to 2**56 - 1")
    found: NDArray[np.int64] = numbers.astype(np.int64)
    return found


def _scalars(
    values: NDArray[Any], levels: Levels, seed: int | None, streams: NDArray[np.int64] | None, valid: NDArray[np.bool_]
) -> Any:
    arrow = import_module("pyarrow")
    dtype = np.uint8 if levels.n_levels <= 256 else np.uint16
    codes = np.zeros(valid.size, dtype)
    if streams is None:
        codes[valid] = encode(values, levels).indices()
    else:
        rounded = [
            encode(values[i : i + 1], levels, seed=seed, stream=int(stream)).indices()[0]
            for i, stream in enumerate(streams)
        ]
        codes[valid] = rounded
    return arrow.array(codes, mask=~valid)


def _lists(
    values: NDArray[Any],
    lengths: NDArray[np.int64],
    levels: Levels,
    seed: int | None,
    streams: NDArray[np.int64] | None,
    valid: NDArray[np.bool_],
) -> Any:
    arrow = import_module("pyarrow")
    sizes = (lengths * bits_of(levels) + 7) // 8 + 1
    starts, ends = np.cumsum(lengths) - lengths, np.cumsum(sizes)
    out = np.zeros(int(sizes.sum()), np.uint8)
    out[ends - 1] = lengths % 8
    if streams is not None:
        for row, stream in enumerate(streams):
            piece = values[starts[row] : starts[row] + lengths[row]]
            out[ends[row] - sizes[row] : ends[row] - 1] = _packed(piece[None], levels, seed, int(stream))[0]
    else:
        for length in np.unique(lengths[lengths > 0]):
            same = np.flatnonzero(lengths == length)
            matrix = (
                values[starts[same][:, None] + np.arange(length)]
                if same.size < lengths.size
                else values.reshape(same.size, -1)
            )
            packed = _packed(matrix, levels, None, 0)
            out[(ends - sizes)[same][:, None] + np.arange(packed.shape[1])] = packed
    offsets = np.zeros(valid.size + 1, np.int64)
    offsets[1:][valid] = sizes
    buffers = [arrow.array(valid).buffers()[1], arrow.py_buffer(np.cumsum(offsets)), arrow.py_buffer(out)]
    large = arrow.Array.from_buffers(arrow.large_binary(), valid.size, buffers)
    return large.cast(arrow.binary())


def bits_of(levels: Levels) -> int:
    """Bits of a code: one at least, so that the number of codes can be told."""
    return max(1, (levels.n_levels - 1).bit_length())


def _packed(matrix: NDArray[Any], levels: Levels, seed: int | None, stream: int) -> NDArray[np.uint8]:
    """The packed codes of each row, as they stand in the bytes of `Codes` before the CRC."""
    size = (matrix.shape[1] * bits_of(levels) + 7) // 8
    if levels.n_levels == 1 or not matrix.size:
        return np.zeros((len(matrix), size), np.uint8)
    data = encode(matrix, levels, seed=seed, stream=stream).to_bytes()
    return np.frombuffer(data, np.uint8, len(matrix) * size, len(data) - 4 - len(matrix) * size).reshape(-1, size)


def decoded(column: Any, levels: Levels, dtype: str) -> Any:
    """What an Arrow array of codes stands for: numbers, or lists of them.

    Raises:
        CorruptData: These are no codes of that table.
        InvalidInput: The column holds neither whole numbers nor binary values.
    """
    arrow = import_module("pyarrow")
    types, column = arrow.types, plain(column)
    table, valid = levels.values.astype(dtype), np.asarray(column.is_valid())
    if types.is_integer(column.type):
        codes = column.drop_null().to_numpy(zero_copy_only=False)
        if codes.size and not 0 <= int(codes.min()) <= int(codes.max()) < table.size:
            raise CorruptData(
                f"codes go up to {codes.max()}, but there are {table.size} levels; pass those they are of"
            )
        found = np.zeros(valid.size, table.dtype)
        found[valid] = table[codes]
        return arrow.array(found, mask=~valid)
    if not (types.is_binary(column.type) or types.is_large_binary(column.type)):
        raise InvalidInput(f"codes have type {column.type}, but must be what encode_column made")
    rows = column.drop_null().cast(arrow.large_binary())
    ends = np.frombuffer(rows.buffers()[1], np.int64)[rows.offset : rows.offset + len(rows) + 1]
    held = np.frombuffer(rows.buffers()[2] or b"", np.uint8)
    starts, sizes = ends[:-1], np.diff(ends) - 1
    if (sizes < 0).any():
        raise CorruptData("a row of codes is empty, but ends with a byte; pass what encode_column made")
    bits, tails = bits_of(levels), held[ends[1:] - 1].astype(np.int64)
    most = 8 * sizes // bits
    lengths = most - (most - tails) % 8
    if (tails > 7).any() or (lengths < 0).any() or (((lengths * bits + 7) // 8) != sizes).any():
        raise CorruptData(f"a row of codes has a length that codes of {bits} bits cannot have; pass their own levels")
    out, first = np.empty(int(lengths.sum()), table.dtype), np.cumsum(lengths) - lengths
    for length in np.unique(lengths[lengths > 0]):
        same = np.flatnonzero(lengths == length)
        packed = held[starts[same][:, None] + np.arange((length * bits + 7) // 8)]
        codes = _unpacked(packed, int(length), bits)
        if (codes >= table.size).any():
            raise CorruptData(f"a code is {codes.max()}, but there are {table.size} levels; pass those they are of")
        out[first[same][:, None] + np.arange(length)] = table[codes]
    offsets = np.zeros(valid.size + 1, np.int64)
    offsets[1:][valid] = lengths
    whole = arrow.array(np.cumsum(offsets).astype(np.int32), mask=np.append(~valid, False))
    return arrow.ListArray.from_arrays(whole, arrow.array(out))


def _unpacked(packed: NDArray[np.uint8], length: int, bits: int) -> NDArray[Any]:
    """The codes of rows of the same length.

    Raises:
        CorruptData: Bits behind the last code are not 0.
    """
    if bits == 8:
        return packed
    if bits == 16:
        return np.ascontiguousarray(packed).view("<u2")
    every = np.unpackbits(packed, axis=1, bitorder="little")
    if every[:, length * bits :].any():
        raise CorruptData("bits behind the last code of a row are not 0; pass what encode_column made")
    places = every[:, : length * bits].reshape(-1, length, bits)
    codes: NDArray[Any] = places @ (1 << np.arange(bits, dtype=np.uint16))
    return codes
