"""A column of a Spark table counted where its partitions lie, by mapInArrow; the driver merges what they found."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module  # pyarrow has no types, and only workers need it
from typing import TYPE_CHECKING, Any

from beforehand.core.errors import InvalidInput
from beforehand.streams import SpaceSaving, Top, from_bytes
from beforehand.streams.partitioned import merged

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEY_TYPES = ("byte", "short", "integer", "long", "string", "binary")


def summary(df: "DataFrame", column: "str | Column", factory: Callable[[], Any]) -> Any:
    """Count a column of a table into one summary, partition by partition.

    Args:
        df: The table. Rows are read once, and only this column of them.
        column: The keys: integers, strings or binary. Nulls are skipped, and counted as such.
        factory: Makes an empty summary, the same each time, of a kind that can be merged. It is called in the workers,
            which need this library too.

    Returns:
        The summary of all rows.

    Guarantee:
        The bounds of the merged summary hold for the whole column: `lower <= true count <= upper` for every key. Its
        error bound is the sum of those of the partitions at most.

    Cost:
        In each partition that of `update` on Arrow arrays, without copies and without pandas (which Spark wants
        installed nevertheless). One row for each partition, of about `nbytes`, travels to the driver.

    Raises:
        InvalidInput: The column has another type.

    Example:
        The paths that took more than one request in a thousand::

            made = summary(logs, "path", lambda: SpaceSaving(memory="1MiB", policy="filtered"))
            made.heavy_hitters(0.001)
    """
    empty = factory()  # what is wrong with it shows here, not in a worker
    predictor = getattr(empty, "predictor", None)
    keys = df.select(column)
    [field] = keys.schema.fields
    kind = field.dataType.typeName()
    if kind not in KEY_TYPES:
        raise InvalidInput(
            f"column {field.name} has type {kind}, but keys are integers, strings or binary; cast it to one of them"
        )
    keys = keys.toDF("key")  # mapInArrow takes a dot in a name for one inside of a struct
    rows = keys.mapInArrow(partial(summarize, factory=factory), "summary binary").collect()
    return merged([from_bytes(bytes(row.summary), predictor=predictor) for row in rows] or [empty])


def top(df: "DataFrame", column: "str | Column", k: int, memory: int | str) -> Top:
    """The heaviest keys of a column, each with certified bounds.

    Args:
        df: The table.
        column: The keys, as in `summary`.
        k: How many keys.
        memory: Of the summary that each partition fills, in bytes or as in "1MiB". Its policy is "filtered": what the
            gate of "gated" may lose adds up over hundreds of partitions.

    Guarantee:
        That of `summary`: each of the keys has `lower <= true count <= upper`.

    Cost:
        That of `summary`.

    Raises:
        InvalidInput: As `summary` does, or `k` or `memory` is out of range.

    Example:
        The ten keys that come most often::

            for row in top(logs, "path", 10, memory="1MiB"):
                print(row)
    """
    return summary(df, column, partial(SpaceSaving, memory=memory, policy="filtered")).top(k)  # type: ignore[no-any-return]


def summarize(batches: Iterable[Any], factory: Callable[[], Any]) -> Iterator[Any]:
    """What a worker does with the Arrow batches of its partition: counts their first column into one row of bytes."""
    made = factory()
    for batch in batches:
        made.update(batch.column(0))
    # Spark matches columns by place and converts nothing: exactly the declared ones, in order, of exactly their types.
    arrow = import_module("pyarrow")
    yield arrow.record_batch([arrow.array([made.to_bytes()], arrow.binary())], names=["summary"])
