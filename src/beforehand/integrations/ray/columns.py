"""A column of a Ray Dataset as a histogram, for levels, and as the codes of these levels."""

from functools import partial
from importlib import import_module  # pyarrow has no types, and only workers need it
from typing import TYPE_CHECKING, Any

from beforehand.integrations.ray.host import ray_for
from beforehand.quantization import Levels
from beforehand.quantization.column_codes import check_dtype, check_names, check_table, decoded, encoded
from beforehand.quantization.dataset_columns import (
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
    from ray.data import Dataset


def column_histogram(
    dataset: "Dataset",
    column: str,
    *,
    bins: int = 4096,
    center: float | None = None,
    scale: float | None = None,
    nulls: Nulls = "raise",
) -> ColumnHistogram:
    """Sum up a column where its blocks lie, enough to choose levels for all of it.

    Args:
        dataset: The dataset. It is read twice, or once if `center` and `scale` are given; only this column of it.
        column: Its name. It holds numbers, lists of numbers or tensors.
        bins: Maximum number of buckets, 258 to 65536.
        center: Where buckets are finest, and `scale` how far around it they have equal width, as in `Histogram`. By
            default median and half the interquartile range of 4,096 of the distinct values.
        nulls: "raise" refuses nulls, in rows and inside of lists; "drop" leaves them out, and counts them.

    Returns:
        The histogram of all values, with the number of rows and of nulls. `histogram.levels(16, certify=True)` chooses
        levels, and says by how much other ones could be better at most.

    Guarantee:
        The bytes of the histogram, and so the levels, depend on the values alone: on no order of rows, no blocks, no
        machine.

    Cost:
        About 20 ns a value for the first reading and 8 for the second, on each core. For each block a row of at most
        68 bytes a bucket travels to the caller.

    Raises:
        InvalidInput: There are nulls, NaN, infinity, or whole numbers beyond 2**53; the column holds no numbers; an
            option breaks its rule.
        MissingDependency: ray is not installed.

    Example:
        Levels for a column of embeddings, and a second one of their codes::

            seen = column_histogram(dataset, "embedding")
            table = seen.histogram.levels(16, objective="mse")
            encode_column(dataset, "embedding", table).drop_columns(["embedding"]).write_parquet("/data/codes")
    """
    ray_for("column_histogram")
    by = check_column(bins, center, scale, nulls)
    check_names(column, "", "", dataset.columns() or [column])
    if by is None:
        by = scale_of(together(_parts(dataset, column, None), column, nulls)[2], bins)
    rows, empty, histograms = together(_parts(dataset, column, by), column, nulls)
    return ColumnHistogram(merged(histograms, by), rows, empty)


def encode_column(
    dataset: "Dataset",
    column: str,
    levels: Levels,
    *,
    output: str | None = None,
    nulls: Nulls = "raise",
    seed: int | None = None,
    rows: str | None = None,
) -> "Dataset":
    """Add a column with the codes of another, where its blocks lie.

    Args:
        dataset: The dataset.
        column: The numbers, or the lists of numbers.
        levels: A table, as `column_histogram(...).histogram.levels(...)` gives it.
        output: The name of the new column; by default that of the old one and "_codes".
        nulls: "raise" refuses nulls; "drop" gives a row null that is null or has a null in its list.
        seed: Of the random rounding, only for levels with the objective "unbiased".
        rows: For these, a column that numbers the rows, each with a number of its own from 0 to 2**56 - 1: the noise
            of a row depends on its number.

    Returns:
        The dataset with one more column. Numbers become uint8 or uint16; lists become binary, a row each, whose codes
        are packed as in the bytes of `Codes` and followed by a byte with the remainder of their number by 8.

    Guarantee:
        Codes stand beside their values, and depend on the row and the table alone. Ray hands out blocks as they are
        done: where rows must keep their order, set `preserve_order` among the `execution_options` of
        `ray.data.DataContext.get_current()`.

    Cost:
        That of `encode`; with random rounding 20 microseconds a row beside it.

    Raises:
        InvalidInput: A column is not there or is there already; levels are no single plain table. When the dataset is
            read: there are nulls, or values that are no finite numbers, or are outside of levels for random rounding.
    """
    check_nulls(nulls)
    check_table(levels, seed, rows)
    added = check_names(column, output, "codes", dataset.columns() or [column], rows)
    options = {"levels": levels, "nulls": nulls, "seed": seed, "rows": rows}
    return _mapped(dataset, partial(_encode, name=column, added=added, **options))


def decode_column(
    dataset: "Dataset", column: str, levels: Levels, *, output: str | None = None, dtype: str = "float32"
) -> "Dataset":
    """Add a column with the numbers that codes stand for.

    Args:
        dataset: The dataset.
        column: What `encode_column` made.
        levels: The table that it was made with.
        output: The name of the new column; by default that of the old one and "_decoded".
        dtype: "float32" or "float64".

    Returns:
        The dataset with one more column, of numbers or lists of numbers, null where codes are.

    Cost:
        About 20 ns a value.

    Raises:
        InvalidInput: As `encode_column` does.
        CorruptData: When the dataset is read: these are no codes of that table.
    """
    check_dtype(dtype)
    check_table(levels, 0, "")
    added = check_names(column, output, "decoded", dataset.columns() or [column])
    return _mapped(dataset, partial(_decode, name=column, added=added, levels=levels, dtype=dtype))


def _parts(dataset: "Dataset", column: str, by: BucketScale | None) -> list[Part]:
    found = _mapped(dataset.select_columns([column]), partial(_tell, name=column, by=by))
    return [Part(**row) for row in found.iter_rows()]


def _mapped(dataset: "Dataset", function: Any) -> "Dataset":
    return dataset.map_batches(function, batch_format="pyarrow", batch_size=None, zero_copy_batch=True)


def _tell(table: Any, name: str, by: BucketScale | None) -> Any:
    return import_module("pyarrow").Table.from_batches(part_rows([table], name, by))


def _encode(table: Any, name: str, added: str, **options: Any) -> Any:
    return table.append_column(added, encoded(table, name, **options))


def _decode(table: Any, name: str, added: str, levels: Levels, dtype: str) -> Any:
    return table.append_column(added, decoded(table.column(name), levels, dtype))
