"""The rows in a range by each engine, from the row groups that may hold some."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.integrations.parquet.bounds import Range
from beforehand.integrations.parquet.host import arrow, polars
from beforehand.integrations.parquet.polars_source import scan_parquet_ranges
from beforehand.integrations.parquet.range_index import RangeIndex
from beforehand.integrations.parquet.reading import field_at, shown_columns
from beforehand.integrations.parquet.scanning import reading


def rows_by(engine: str, index: RangeIndex, column: str, lo: Any, hi: Any, columns: Sequence[str] | None = None) -> Any:
    """A table of pyarrow with the rows where `lo <= column <= hi`.

    Raises:
        InvalidInput: The engine is unknown, or as `RangeIndex.prune`.
        MissingDependency: The engine is not installed.
    """
    if engine not in ENGINES:
        raise InvalidInput(f"engine is {engine!r}, but must be one of {', '.join(ENGINES)}")
    if columns is not None:
        columns = shown_columns(index.dataset(column, lo, hi).schema, columns, "the index")
    return ENGINES[engine](index, column, lo, hi, columns)


def _by_pyarrow(index: RangeIndex, column: str, lo: Any, hi: Any, columns: Sequence[str] | None) -> Any:
    return index.to_table(column, lo, hi, columns=columns)


def _by_duckdb(index: RangeIndex, column: str, lo: Any, hi: Any, columns: Sequence[str] | None) -> Any:
    try:
        duckdb = import_module("duckdb")
    except ImportError as error:
        raise MissingDependency("duckdb is not installed; pip install duckdb") from error
    kept = index.dataset(column, lo, hi)
    bounds, names = _bounds(index, kept.schema, column, lo, hi)
    wanted = "*" if columns is None else ", ".join(map(_quoted, columns))
    if "" in (*names, *(columns or ())):
        raise InvalidInput("DuckDB has no columns without a name; take pyarrow or polars")
    with reading("DuckDB", duckdb.Error), duckdb.connect() as connection:
        connection.register("kept", kept)
        connection.register("bounds", bounds)
        path = ".".join(map(_quoted, names))
        where = f"{path} >= (select lo from bounds) and {path} <= (select hi from bounds)"
        return connection.sql(f"select {wanted} from kept where {where}").to_arrow_table()


def _by_polars(index: RangeIndex, column: str, lo: Any, hi: Any, columns: Sequence[str] | None) -> Any:
    pl = polars()
    bounds, names = _bounds(index, index.dataset(column, lo, hi).schema, column, lo, hi)
    field = pl.col(names[0])
    for name in names[1:]:
        field = field.struct.field(name)
    # Python's own points in time lack nanoseconds.
    ends = [
        pl.lit(end.to_physical().item()).cast(end.dtype) if end.dtype.is_temporal() else pl.lit(end.item(), end.dtype)
        for end in pl.from_arrow(bounds)
    ]
    with reading("polars", pl.exceptions.PolarsError):
        found = scan_parquet_ranges(index).filter(field.is_between(*ends))
        return (found if columns is None else found.select(columns)).collect().to_arrow()


ENGINES: Final[dict[str, Callable[[RangeIndex, str, Any, Any, Sequence[str] | None], Any]]] = {
    "pyarrow": _by_pyarrow,
    "duckdb": _by_duckdb,
    "polars": _by_polars,
}


def _bounds(index: RangeIndex, schema: Any, column: str, lo: Any, hi: Any) -> tuple[Any, list[str]]:
    """One row with both bounds, of the column's type, and the names that lead to the column."""
    pa = arrow()
    names, type_ = field_at(schema, column, "the files")
    scalars = Range.read(index.type_of(column), lo, hi).scalars(type_)
    if scalars is None:
        scalars = pa.scalar(None, type_), pa.scalar(None, type_)
    return pa.table({name: [scalar] for name, scalar in zip(("lo", "hi"), scalars, strict=True)}), names


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
