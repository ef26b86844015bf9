"""A column of a Spark table as a histogram, for levels, and as the codes of these levels, by mapInArrow."""

from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module  # pyspark and pyarrow, which only those need who have a table
from typing import TYPE_CHECKING, Any

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Levels
from beforehand.quantization.column_codes import check_dtype, check_names, check_table, decoded, encoded
from beforehand.quantization.dataset_columns import (
    FIELDS,
    BucketScale,
    ColumnHistogram,
    Nulls,
    Part,
    check_column,
    check_nulls,
    merged,
    part_rows,
    scale_of,
    together,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NUMBER_TYPES = ("byte", "short", "integer", "long", "float", "double")
SPARK_TYPES = {"int64": "long", "binary": "binary"}


def column_histogram(
    df: "DataFrame",
    column: str,
    *,
    bins: int = 4096,
    center: float | None = None,
    scale: float | None = None,
    nulls: Nulls = "raise",
) -> ColumnHistogram:
    """Sum up a column where its partitions lie, enough to choose levels for all of it.

    Args:
        df: The table. It is read twice, or once if `center` and `scale` are given; only this column of it.
        column: Its name. It holds numbers or arrays of numbers.
        bins: Maximum number of buckets, 258 to 65536.
        center: Where buckets are finest, and `scale` how far around it they have equal width, as in `Histogram`. By
            default median and half the interquartile range of 4,096 of the distinct values.
        nulls: "raise" refuses nulls, in rows and inside of arrays; "drop" leaves them out, and counts them.

    Returns:
        The histogram of all values, with the number of rows and of nulls. `histogram.levels(16, certify=True)` chooses
        levels, and says by how much other ones could be better at most.

    Guarantee:
        The bytes of the histogram, and so the levels, depend on the values alone: on no order of rows, no partitions,
        no machine.

    Cost:
        About 20 ns a value for the first reading and 8 for the second, on each core. For each partition a row of at
        most 68 bytes a bucket travels to the driver.

    Raises:
        InvalidInput: There are nulls, NaN, infinity, or whole numbers beyond 2**53; the column holds no numbers; an
            option breaks its rule.

    Example:
        Levels for a column of embeddings, and a second one of their codes::

            seen = column_histogram(df, "embedding")
            table = seen.histogram.levels(16, objective="mse")
            encode_column(df, "embedding", table).drop("embedding").write.parquet("/data/codes")
    """
    by = check_column(bins, center, scale, nulls)
    _check_numbers(df, column)
    if by is None:
        by = scale_of(together(_parts(df, column, None), column, nulls)[2], bins)
    rows, empty, histograms = together(_parts(df, column, by), column, nulls)
    return ColumnHistogram(merged(histograms, by), rows, empty)


def encode_column(
    df: "DataFrame",
    column: str,
    levels: Levels,
    *,
    output: str | None = None,
    nulls: Nulls = "raise",
    seed: int | None = None,
    rows: str | None = None,
) -> "DataFrame":
    """Add a column with the codes of another, where its partitions lie.

    Args:
        df: The table.
        column: The numbers, or the arrays of numbers.
        levels: A table, as `column_histogram(...).histogram.levels(...)` gives it.
        output: The name of the new column; by default that of the old one and "_codes".
        nulls: "raise" refuses nulls; "drop" gives a row null that is null or has a null in its array.
        seed: Of the random rounding, only for levels with the objective "unbiased".
        rows: For these, a column that numbers the rows, each with a number of its own from 0 to 2**56 - 1: the noise
            of a row depends on its number.

    Returns:
        The table with one more column. Numbers become short or integer; arrays become binary, a row each, whose codes
        are packed as in the bytes of `Codes` and followed by a byte with the remainder of their number by 8.

    Guarantee:
        Rows keep their order and their partitions. Codes depend on the row and the table alone.

    Cost:
        That of `encode`; with random rounding 20 microseconds a row beside it.

    Raises:
        InvalidInput: A column is not there or is there already; levels are no single plain table. When the table is
            read, inside Spark's own exception: there are nulls, or values that are no finite numbers, or are outside
            of levels for random rounding.
    """
    check_nulls(nulls)
    check_table(levels, seed, rows)
    added = check_names(column, output, "codes", df.columns, rows)
    number = "short" if levels.n_levels <= 256 else "integer"
    kind = "binary" if _check_numbers(df, column) else number
    make = partial(encoded, name=column, levels=levels, nulls=nulls, seed=seed, rows=rows)
    return _mapped(df, added, kind, make)


def decode_column(
    df: "DataFrame", column: str, levels: Levels, *, output: str | None = None, dtype: str = "float32"
) -> "DataFrame":
    """Add a column with the numbers that codes stand for.

    Args:
        df: The table.
        column: What `encode_column` made.
        levels: The table that it was made with.
        output: The name of the new column; by default that of the old one and "_decoded".
        dtype: "float32" or "float64".

    Returns:
        The table with one more column, of numbers or arrays of numbers, null where codes are.

    Cost:
        About 20 ns a value.

    Raises:
        InvalidInput: As `encode_column` does.
        CorruptData: When the table is read, inside Spark's own exception: these are no codes of that table.
    """
    check_dtype(dtype)
    check_table(levels, 0, "")
    added = check_names(column, output, "decoded", df.columns)
    number = {"float32": "float", "float64": "double"}[dtype]
    kind = f"array<{number}>" if df.schema[column].dataType.typeName() == "binary" else number
    return _mapped(df, added, kind, partial(_decoded, name=column, levels=levels, dtype=dtype))


def _check_numbers(df: "DataFrame", column: str) -> bool:
    """Whether a column holds arrays.

    Raises:
        InvalidInput: It is not there, or holds no numbers.
    """
    check_names(column, "", "", df.columns)
    kind: Any = df.schema[column].dataType
    lists: bool = kind.typeName() == "array"
    while kind.typeName() == "array":
        kind = kind.elementType
    if kind.typeName() not in NUMBER_TYPES:
        raise InvalidInput(
            f"column {column} has type {kind.typeName()}, but must hold numbers or arrays of numbers; cast it to these"
        )
    return lists


def _parts(df: "DataFrame", column: str, by: BucketScale | None) -> list[Part]:
    schema = ", ".join(f"{name} {SPARK_TYPES[kind]}" for name, kind in FIELDS.items())
    quoted = "`" + column.replace("`", "``") + "`"
    values = df.select(quoted).toDF("values")  # mapInArrow takes a dot in a name for one inside of a struct
    found = values.mapInArrow(partial(part_rows, name="values", by=by), schema).collect()
    return [Part(row.rows, row.nulls, row.unusable, bytes(row.data)) for row in found]


def _mapped(df: "DataFrame", added: str, kind: str, make: Any) -> "DataFrame":
    types = import_module("pyspark.sql.types")
    field = types.StructField(added, types._parse_datatype_string(kind))
    without_dots = df.toDF(*(f"column_{place}" for place in range(len(df.columns))))  # as in _parts
    add = partial(with_column, names=df.columns, added=added, make=make, kind=kind)
    return without_dots.mapInArrow(add, types.StructType([*df.schema, field]))


def with_column(batches: Iterable[Any], names: list[str], added: str, make: Any, kind: str) -> Iterator[Any]:
    """What a worker does with the batches of its partition: adds a column to each, of exactly the declared type."""
    arrow = import_module("pyarrow")
    for batch in batches:
        made = make(arrow.record_batch(batch.columns, names=names))
        if kind in ("short", "integer"):  # Spark has no unsigned numbers
            made = made.cast(arrow.int16() if kind == "short" else arrow.int32())
        yield arrow.record_batch([*batch.columns, made], names=[*names, added])


def _decoded(batch: Any, name: str, levels: Levels, dtype: str) -> Any:
    return decoded(batch.column(name), levels, dtype)
