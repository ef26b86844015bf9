"""Named arrays as npz, csv, jsonl and parquet. A file is hostile: readers may refuse it, but never run any of it.

A child table `calls` travels as `calls/`, its offsets, and `calls/seconds`, a column.
"""

import csv
import importlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput, MissingDependency
from beforehand.core.files import writing

MARK = "beforehand.trace"  # where a file of our own says kind and metadata
EXACT_INTEGER = 2**53
ACCEPTED: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "U": {str}, "f": {int, float, type(None)}}
DTYPES = "bool str float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
Arrays = dict[str, NDArray[Any]]
Mark = dict[str, Any]
T = TypeVar("T")


def save(arrays: Arrays, mark: Mark, path: str | PathLike[str]) -> None:
    """Write the file whole or not at all."""
    ending = _ending(path)
    for name, array in arrays.items():
        if (array.ndim > 1 and ending in (".csv", ".jsonl")) or ("/" in name and ending == ".csv"):
            what = f"child table {name.partition('/')[0]}" if "/" in name else f"2-D column {name}"
            raise InvalidInput(f"{path} cannot hold the {what}; save as npz or parquet")
    with writing(path) as stream:
        FORMATS[ending][1](arrays, mark, stream)


def load(path: str | PathLike[str]) -> tuple[Arrays, Mark]:
    """Read the file, whatever it holds; the mark of a foreign one is empty."""
    read = FORMATS[_ending(path)][0]
    try:
        stream = open(path, "rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    with stream:
        try:
            return read(stream)
        except MissingDependency:
            raise
        except Exception as error:  # the parsers of zip, npy, csv, json and parquet each raise what they like
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise CorruptData(
                f"{path} cannot be read: {reason}; check that it is whole and ends as it should"
            ) from error


def below(named: dict[str, T], child: str) -> dict[str, T]:
    """What belongs to a child table, by column; its offsets under the empty name."""
    return {name.removeprefix(f"{child}/"): thing for name, thing in named.items() if name.startswith(f"{child}/")}


def _ending(path: str | PathLike[str]) -> str:
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise InvalidInput(f"{path} ends in {ending!r}, but a trace must end in one of {', '.join(FORMATS)}")
    return ending


def _write_npz(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    with zipfile.ZipFile(stream, "w") as archive:  # np.savez would take columns named file or allow_pickle for its own
        for name, array in {MARK: np.array(json.dumps(mark)), **arrays}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_npz(stream: BinaryIO) -> tuple[Arrays, Mark]:
    arrays = {}
    with zipfile.ZipFile(stream) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays, json.loads(str(arrays.pop(MARK, "{}")))


def _write_csv(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    with io.TextIOWrapper(stream, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(arrays)
        writer.writerows(zip(*(array.tolist() for array in arrays.values()), strict=True))


def _read_csv(stream: BinaryIO) -> tuple[Arrays, Mark]:
    with io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        names = next(reader, [])
        rows = []
        for row in filter(None, reader):
            if len(row) != len(names):
                raise ValueError(f"line {reader.line_num} has {len(row)} cells, but the first has {len(names)}")
            rows.append(row)
    if len(set(names)) < len(names) or not names:
        raise ValueError("its first line must give every column a name of its own")
    cells: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else [()] * len(names)
    return {name: _array(name, _parse(column)) for name, column in zip(names, cells, strict=True)}, {}


def _parse(cells: Sequence[str]) -> Sequence[object]:
    """Booleans, integers or floats where all cells are such, none being NaN; else the cells as they are."""
    if set(cells) <= {"True", "False"}:
        return [cell == "True" for cell in cells]
    if any("_" in cell for cell in cells) or not any(cells):  # Python would read 1_000 as a number
        return cells
    numbers: tuple[Callable[[str], object], ...] = (int, lambda cell: float(cell) if cell else None)
    for number in numbers:
        try:
            return [number(cell) for cell in cells]
        except ValueError:
            pass
    return cells


def _write_jsonl(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    dtypes = {name: "str" if array.dtype.kind == "U" else array.dtype.name for name, array in arrays.items()}
    fields = {name: array.tolist() for name, array in arrays.items() if "/" not in name}
    for child in (name[:-1] for name in arrays if name.endswith("/")):
        table = {name: array.tolist() for name, array in below(arrays, child).items()}
        offsets, members = table.pop(""), _records(table)
        fields[child] = [members[a:b] for a, b in itertools.pairwise(offsets)]
    for record in [{MARK: {**mark, "dtypes": dtypes}}, *_records(fields)]:
        stream.write(f"{json.dumps(record)}\n".encode())


def _read_jsonl(stream: BinaryIO) -> tuple[Arrays, Mark]:
    records = [json.loads(line) for line in stream if line.strip()]
    mark: Mark = records.pop(0)[MARK] if records and MARK in records[0] else {}
    dtypes = mark.pop("dtypes", None) or _columns(records)
    columns = [name for name in dtypes if "/" not in name]
    children = [name[:-1] for name in dtypes if name.endswith("/")]
    fields = _gather(records, columns + children)
    arrays = {name: _array(name, fields[name], dtypes[name]) for name in columns}
    for child in children:
        table = below(dtypes, child)
        del table[""]
        members = _gather([member for members in fields[child] for member in members], list(table))
        if table:
            arrays[f"{child}/"] = np.cumsum([0, *map(len, fields[child])])
        arrays |= {f"{child}/{name}": _array(name, members[name], dtype) for name, dtype in table.items()}
    return arrays, mark


def _columns(records: Sequence[Any]) -> dict[str, None]:
    """The columns of a foreign jsonl file; a list of objects is a child table, unless it is empty everywhere."""
    names: list[str] = []
    for name, value in records[0].items() if records else ():
        child = next((record[name][0] for record in records if record[name]), ()) if isinstance(value, list) else None
        names += [name] if child is None else [f"{name}/", *(f"{name}/{key}" for key in child)]
    return dict.fromkeys(names)


def _gather(records: Sequence[Any], names: list[str]) -> dict[str, list[Any]]:
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict) or record.keys() != set(names):
            raise ValueError(f"record {number} is not an object with the fields {', '.join(names)}")
    return {name: [record[name] for record in records] for name in names}


def _records(fields: dict[str, Sequence[object]]) -> list[dict[str, object]]:
    return [dict(zip(fields, row, strict=True)) for row in zip(*fields.values(), strict=True)]


def _array(name: str, values: Sequence[Any], dtype: str | None = None) -> NDArray[Any]:
    """An array that holds every value exactly, null being NaN; without a dtype, of the narrowest kind that does."""
    types = set(map(type, values))
    if dtype is None:
        kind = next((kind for kind in "biU" if types and types <= ACCEPTED[kind]), "f")
        dtype = {"b": "bool", "i": "int64", "U": "str", "f": "float64"}[kind]
        if kind == "i" and max(values) >= 2**63:
            dtype = "uint64"
    if dtype not in DTYPES or not types <= ACCEPTED[np.dtype(dtype).kind]:
        raise ValueError(f"column {name} mixes {', '.join(sorted(t.__name__ for t in types))}, but must be {dtype}")
    if dtype == "float64" and any(type(value) is int and abs(value) > EXACT_INTEGER for value in values):
        raise ValueError(f"column {name} mixes floats with integers beyond 2**53, which float64 cannot hold")
    return np.array(values, dtype=dtype)


def _pyarrow(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependency("parquet files need pyarrow; pip install 'beforehand[parquet]'") from error


def _write_parquet(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    pa, pq = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    fields: dict[str, Any] = {}
    for name, array in arrays.items():
        child, slash, _ = name.partition("/")
        if slash and child not in fields:
            table = {key: pa.array(member) for key, member in below(arrays, child).items()}
            offsets = table.pop("")
            members = pa.StructArray.from_arrays(list(table.values()), list(table))
            fields[child] = pa.LargeListArray.from_arrays(offsets, members)
        elif not slash:
            flat = pa.array(array.ravel())
            fields[name] = flat if array.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, array.shape[1])
    pq.write_table(pa.table(fields).replace_schema_metadata({MARK: json.dumps(mark)}), stream)


def _read_parquet(stream: BinaryIO) -> tuple[Arrays, Mark]:
    pa, table = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet").read_table(stream)
    arrays: Arrays = {}
    for name, chunks in zip(table.column_names, table.columns, strict=True):
        column = chunks.combine_chunks()
        nested = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        if pa.types.is_fixed_size_list(column.type):
            arrays[name] = _plain(name, column.flatten()).reshape(len(column), column.type.list_size)
        elif nested and pa.types.is_struct(column.type.value_type) and not column.null_count:
            offsets, members = column.offsets.to_numpy(), column.flatten()
            arrays[f"{name}/"] = offsets - offsets[0]
            for member, values in zip(members.type, members.flatten(), strict=True):
                arrays[f"{name}/{member.name}"] = _plain(member.name, values)
        else:
            arrays[name] = _plain(name, column)
    return arrays, json.loads((table.schema.metadata or {}).get(MARK.encode(), "{}"))


def _plain(name: str, column: Any) -> NDArray[Any]:
    if column.null_count and str(column.type) not in ("halffloat", "float", "double"):
        raise ValueError(f"column {name} has {column.null_count} nulls, which only floats can hold as NaN")
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.astype(str) if values.dtype == object and set(map(type, values)) <= {str} else values


FORMATS = {
    ".npz": (_read_npz, _write_npz),
    ".csv": (_read_csv, _write_csv),
    ".jsonl": (_read_jsonl, _write_jsonl),
    ".parquet": (_read_parquet, _write_parquet),
}
