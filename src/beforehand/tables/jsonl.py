"""jsonl: one JSON object a row, child tables as lists of objects. It holds no 2-D columns."""

import itertools
import json
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from beforehand.tables.naming import MARK, Arrays, Mark, below
from beforehand.tables.values import array


def read(stream: BinaryIO) -> tuple[Arrays, Mark]:
    """Read what `write` wrote, or one object a line, all with the same fields."""
    records = [json.loads(line) for line in stream if line.strip()]
    mark: Mark = records.pop(0)[MARK] if records and MARK in records[0] else {}
    dtypes = mark.pop("dtypes", None) or _columns(records)
    columns = [name for name in dtypes if "/" not in name]
    children = [name[:-1] for name in dtypes if name.endswith("/")]
    fields = _gather(records, columns + children)
    arrays = {name: array(name, fields[name], dtypes[name]) for name in columns}
    for child in children:
        table = below(dtypes, child)
        del table[""]
        members = _gather([member for members in fields[child] for member in members], list(table))
        if table:
            arrays[f"{child}/"] = np.cumsum([0, *map(len, fields[child])])
        arrays |= {f"{child}/{name}": array(name, members[name], dtype) for name, dtype in table.items()}
    return arrays, mark


def write(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    """Write the mark with all dtypes, then an object a row; child rows nest in it as a list."""
    dtypes = {name: "str" if column.dtype.kind == "U" else column.dtype.name for name, column in arrays.items()}
    fields = {name: column.tolist() for name, column in arrays.items() if "/" not in name}
    for child in (name[:-1] for name in arrays if name.endswith("/")):
        table = {name: column.tolist() for name, column in below(arrays, child).items()}
        offsets, members = table.pop(""), _records(table)
        fields[child] = [members[a:b] for a, b in itertools.pairwise(offsets)]
    for record in [{MARK: {**mark, "dtypes": dtypes}}, *_records(fields)]:
        stream.write(f"{json.dumps(record)}\n".encode())


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
