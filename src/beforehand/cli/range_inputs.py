"""Queries of ranges and the keys that they are asked of, as commands read them from files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pyarrow waits until a command needs it
    from beforehand.core import Trace
    from beforehand.integrations.parquet.column_type import ColumnType

PARQUET = (".parquet", ".pq")


def read_piece(trace: Path, keys: Path, column: str | None) -> tuple["Trace", Any]:
    """Closed ranges, and the keys of the piece of data that is asked for them.

    Where the keys are floats and the bounds integers, they are compared as floats, and stderr says so.

    Args:
        trace: Of kind `ranges`. For a column that holds no text its bounds may be text, such as dates.
        keys: .npy, Parquet with `column`, or a key a line: text or numbers, as the bounds are.
        column: Of a Parquet file; a.b for a member of a struct. Nulls and NaN in it are no keys.

    Raises:
        InvalidInput: a file cannot be read; `column` is missing, unknown, or of no use; bounds are of another kind.
        CorruptData: a file is damaged.
    """
    from beforehand.core.errors import InvalidInput

    queries = read_ranges(trace)
    if keys.suffix.lower() in PARQUET:
        type_, held = _column(keys, column)
        return in_kind_of(type_, queries, trace), _warned(keys, held, queries)
    if column is not None:
        raise InvalidInput(f"column is {column!r}, but {keys} has none; leave it out")
    return queries, _warned(keys, _plain(keys, queries), queries)


def read_ranges(path: Path) -> "Trace":
    """Closed ranges of a file.

    Raises:
        InvalidInput: it cannot be read, or holds no ranges.
        CorruptData: it is damaged.
    """
    from beforehand.cli.inputs import naming
    from beforehand.core import Trace
    from beforehand.ranges.queries import check_trace

    trace = Trace.load(path, kind="ranges")
    with naming(path):
        check_trace(trace)
    return trace


def in_kind_of(type_: "ColumnType", queries: "Trace", path: Path) -> "Trace":
    """Ranges as the column has its values, with text in them read as in a command line; others as they are.

    Args:
        type_: What the column holds.
        queries: From a file, in which dates, times and decimals may be text, and decimals floats.
        path: Of that file.

    Raises:
        InvalidInput: A text is no such value, or there are numbers where the column holds times.
    """
    from beforehand.cli.inputs import naming
    from beforehand.cli.range_bounds import like, read_bound
    from beforehand.core.errors import InvalidInput
    from beforehand.integrations.parquet.recipe import sample_of
    from beforehand.ranges.queries import ranges_trace

    kinds = {queries[side].dtype.kind for side in ("lo", "hi")}
    if type_.unit is not None and kinds <= set("iuf") and "dtype" not in queries.meta:
        raise InvalidInput(f"{path} has numbers for lo and hi, but the column holds {type_.name}; write {like(type_)}")
    as_text = "U" in kinds or (type_.is_decimal and "f" in kinds)
    if type_.text or not as_text or not kinds <= set("Uiuf"):
        return queries
    ends = []
    with naming(path):
        for side in ("lo", "hi"):
            read = []
            for row, bound in enumerate(queries[side].tolist()):
                try:
                    read.append(read_bound(type_, str(bound)))
                except InvalidInput as error:
                    raise InvalidInput(f"row {row} of {side}: {error}") from None
            ends.append(read)
        return ranges_trace(*sample_of((ends[0], ends[1]), type_, "the trace"))


def _plain(path: Path, like: "Trace") -> Any:
    """Keys of an array, or of lines, which are text where bounds are."""
    from beforehand.cli.inputs import read_array, read_bytes
    from beforehand.core.errors import InvalidInput

    if path.suffix.lower() == ".npy":
        return read_array(path)
    data = read_bytes(path)
    kind = like["lo"].dtype.kind
    if kind == "S":
        return data.splitlines()
    try:
        lines = [line for line in data.decode().splitlines() if line.strip() or kind == "U"]
        return lines if kind == "U" else [float(line) if kind == "f" else int(line) for line in lines]
    except ValueError as error:
        wanted = "text in UTF-8" if kind == "U" else "a number in each line, as the bounds are numbers"
        raise InvalidInput(f"{path} does not hold {wanted} ({error}); pass keys of the kind of the bounds") from error


def _column(path: Path, column: str | None) -> tuple["ColumnType", Any]:
    """What a column of a Parquet file holds, and its values as keys."""
    import numpy as np

    from beforehand.core.errors import InvalidInput
    from beforehand.integrations.parquet.reading import Reader

    if column is None:
        raise InvalidInput(f"{path} has columns, and one of them holds the keys; pass --column")
    with Reader(path) as reader:
        type_ = reader.type_of(column)
        if type_.is_decimal:
            raise InvalidInput(
                f"column {column} of {path} is {type_.name}, and a plan is for whole numbers, floats, text, bytes and "
                "times; ranges index takes decimals without a plan"
            )
        groups = [reader.keys(group, [(column, type_)])[0].keys for group in range(len(reader.rows))]
    if type_.form != "bytes":
        return type_, np.concatenate(groups) if groups else np.empty(0, str(type_.key_type))
    keys = [key for group in groups for key in group]
    try:
        return type_, [key.decode() for key in keys] if type_.text else keys
    except UnicodeDecodeError as error:
        raise InvalidInput(f"column {column} of {path} holds text that is no UTF-8 ({error}); write it anew") from error


def _warned(path: Path, keys: Any, like: "Trace") -> Any:
    """The keys, and a line on stderr where they are floats, but bounds are whole numbers."""
    bounds = like["lo"].dtype
    if getattr(keys, "dtype", bounds).kind == "f" and bounds.kind in "iu" and "dtype" not in like.meta:
        print(
            f"beforehand: keys of {path} are {keys.dtype}, but bounds are {bounds}; they are compared as floats. If "
            "the keys are whole numbers, store them as such",
            file=sys.stderr,
        )
    return keys
