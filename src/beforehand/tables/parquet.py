"""parquet, by pyarrow. It holds everything."""

import json
from importlib import import_module  # pyarrow is optional, and has no types
from typing import Any, BinaryIO

from numpy.typing import NDArray

from beforehand.tables.naming import MARK, Arrays, Mark, below


def read(stream: BinaryIO) -> tuple[Arrays, Mark]:
    """Read what `write` wrote, or any file of such columns; nulls among floats are NaN."""
    pa, table = import_module("pyarrow"), import_module("pyarrow.parquet").read_table(stream)
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


def write(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    """Write everything there is; 2-D columns as fixed-size lists, child tables as lists of structs."""
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    fields: dict[str, Any] = {}
    for name, array in arrays.items():
        child, slash, _ = name.partition("/")
        if slash and child not in fields:
            table = {key: _arrow(member) for key, member in below(arrays, child).items()}
            offsets = table.pop("")
            members = pa.StructArray.from_arrays(list(table.values()), list(table))
            fields[child] = pa.LargeListArray.from_arrays(offsets, members)
        elif not slash:
            flat = _arrow(array.ravel())
            fields[name] = flat if array.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, array.shape[1])
    pq.write_table(pa.table(fields).replace_schema_metadata({MARK: json.dumps(mark)}), stream)


def _arrow(values: NDArray[Any]) -> Any:
    pa = import_module("pyarrow")
    if values.dtype.kind in "US":  # of which pyarrow would take what stands before the first NUL
        return pa.array(values.tolist(), pa.binary() if values.dtype.kind == "S" else pa.string())
    return pa.array(values)


def _plain(name: str, column: Any) -> NDArray[Any]:
    if column.null_count and str(column.type) not in ("halffloat", "float", "double"):
        raise ValueError(f"column {name} has {column.null_count} nulls, which only floats can hold as NaN")
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    text = bytes if "binary" in str(column.type) else str
    return values.astype(text) if values.dtype == object and set(map(type, values)) <= {text} else values
