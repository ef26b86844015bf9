"""A column of a table that lies in parts, as Arrow batches: what each part tells, and what all of them tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module  # pyarrow has no types, and only workers need it
from typing import Any, Literal, NamedTuple, TypeAlias, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.quantization.distinct_sample import DistinctSample
from beforehand.quantization.histogram import Histogram
from beforehand.quantization.inputs import EXACT_INTEGER
from beforehand.quantization.options import check_bins

Nulls: TypeAlias = Literal["raise", "drop"]
EVERY_BIT_FROM = 258  # bins of a histogram whose bytes do not depend on how data are parted


@final
@dataclass(frozen=True, eq=False)
class ColumnHistogram:
    """What all values of a column told.

    Attributes:
        histogram: Of all its values that are no nulls.
        rows: How many rows it has.
        nulls: How many nulls it has: rows that are null, and nulls inside of lists.
    """

    histogram: Histogram
    rows: int
    nulls: int


class BucketScale(NamedTuple):
    """How buckets lie."""

    center: float
    scale: float
    bins: int


class Part(NamedTuple):
    """What a part of a column told; its bytes are a sample, or a histogram."""

    rows: int
    nulls: int
    unusable: int
    data: bytes


FIELDS = {"rows": "int64", "nulls": "int64", "unusable": "int64", "data": "binary"}  # Arrow's types of a Part


def check_column(bins: int, center: float | None, scale: float | None, nulls: Nulls) -> BucketScale | None:
    """Where buckets shall lie, if the caller says so.

    Raises:
        InvalidInput: An option breaks its rule.
    """
    check_nulls(nulls)
    check_bins(bins)
    if bins < EVERY_BIT_FROM:
        raise InvalidInput(
            f"bins is {bins}, but must be from {EVERY_BIT_FROM} to 65536: with fewer the result depends on partitions"
        )
    if (center is None) != (scale is None):
        raise InvalidInput(f"center is {center} and scale is {scale}, but they go together; pass both or neither")
    if center is None or scale is None:
        return None
    made = Histogram(center=center, scale=scale, bins=bins)
    return BucketScale(made.center, made.scale, bins)


def check_nulls(nulls: Nulls) -> None:
    """Raise InvalidInput for an unknown way with nulls."""
    if nulls not in get_args(Nulls):
        raise InvalidInput(f"nulls is {nulls!r}, but must be one of {', '.join(get_args(Nulls))}")


def told(batches: Iterable[Any], name: str, by: BucketScale | None) -> Part:
    """What Arrow batches (or tables) of a part tell of a column: a sample, or once the scale is known a histogram."""
    rows = nulls = unusable = 0
    seen: DistinctSample | Histogram = DistinctSample() if by is None else Histogram(**by._asdict())
    for batch in batches:
        column = batch.column(name)
        rows += len(column)
        values, empty = flat(column, name)
        nulls += empty
        usable = usable_values(values)
        unusable += values.size - int(np.count_nonzero(usable))
        seen.update(in_wide_dtype(values if usable.all() else values[usable]))
    return Part(rows, nulls, unusable, seen.to_bytes())


def together(parts: Iterable[Part], name: str, nulls: Nulls) -> tuple[int, int, list[bytes]]:
    """Rows and nulls of all parts, and what each of them tells.

    Raises:
        InvalidInput: There are nulls, which the caller does not want dropped, or values that no level can stand for.
    """
    every = list(parts)
    rows, empty = sum(part.rows for part in every), sum(part.nulls for part in every)
    unusable = sum(part.unusable for part in every)
    if unusable:
        raise InvalidInput(
            f"column {name} has {unusable} values that are NaN, infinite or integers beyond 2**53; drop them, or "
            "make them null"
        )
    if empty and nulls == "raise":
        raise InvalidInput(f"column {name} has {empty} nulls in {rows} rows; pass nulls='drop' to leave them out")
    return rows, empty, [part.data for part in every]


def scale_of(samples: Iterable[bytes], bins: int) -> BucketScale:
    """Where buckets shall lie for the values of which these are samples: the same, however they were parted."""
    every = DistinctSample()
    for data in samples:
        every.merge(DistinctSample.from_bytes(data))
    if not every.values.size:
        return BucketScale(0.0, 1.0, bins)
    like = Histogram.like(np.sort([*every.values, every.low, every.high]), bins=bins)
    return BucketScale(like.center, like.scale, bins)


def merged(histograms: Iterable[bytes], by: BucketScale) -> Histogram:
    """The histogram of all parts; their order does not matter."""
    whole = Histogram(**by._asdict())
    for data in histograms:
        whole.merge(Histogram.from_bytes(data))
    return whole


def flat(column: Any, name: str) -> tuple[NDArray[Any], int]:
    """All numbers of an Arrow column, those of lists one after the other, and how many nulls were left out.

    Raises:
        InvalidInput: The column holds no numbers.
    """
    types, nulls = import_module("pyarrow").types, 0
    column = plain(column)
    while is_list(column.type):
        nulls += column.null_count
        column = plain(column.flatten())
    if not (types.is_floating(column.type) or types.is_integer(column.type)):
        raise InvalidInput(
            f"column {name} has type {column.type}, but must hold numbers or lists of numbers; cast it to one of them"
        )
    nulls += column.null_count
    values: NDArray[Any] = column.drop_null().to_numpy(zero_copy_only=False)
    return values, nulls


def in_wide_dtype(values: NDArray[Any]) -> NDArray[Any]:
    """Usable numbers in a dtype that levels are made for, and in which levels keep at least the digits of a float32."""
    if values.dtype == np.float16:
        return values.astype(np.float32)
    return values.astype(np.int64) if values.dtype.kind == "u" and values.dtype.itemsize >= 4 else values


def plain(column: Any) -> Any:
    """One array of it, without the name that an extension, such as a tensor, gives its type."""
    if hasattr(column, "combine_chunks"):  # of a table, not of a batch
        column = column.combine_chunks()
    return column.storage if hasattr(column, "storage") else column


def is_list(kind: Any) -> bool:
    """Whether values of this Arrow type are lists."""
    types = import_module("pyarrow").types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def usable_values(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which numbers levels can stand for."""
    if values.dtype.kind == "f":
        finite: NDArray[np.bool_] = np.isfinite(values)
        return finite
    if values.dtype.itemsize < 8:
        return np.ones(values.size, np.bool_)
    return (values <= EXACT_INTEGER) & (values >= (0 if values.dtype.kind == "u" else -EXACT_INTEGER))


def part_rows(batches: Iterable[Any], name: str, by: BucketScale | None) -> Iterator[Any]:
    """What a worker does with the batches of its part: one Arrow batch of one row, a Part."""
    arrow = import_module("pyarrow")
    schema = arrow.schema([(field, getattr(arrow, kind)()) for field, kind in FIELDS.items()])
    found = told(batches, name, by)
    columns = [arrow.array([value], kind) for value, kind in zip(found, schema.types, strict=True)]
    yield arrow.record_batch(columns, schema=schema)
