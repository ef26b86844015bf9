"""Datasets of pyarrow that leave out row groups."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from beforehand.integrations.parquet.host import arrow


def dataset_of(folder: Path, kept: Mapping[str, Sequence[int] | None], directory: bool) -> Any:
    """The files with only these row groups.

    Args:
        folder: Where they are.
        kept: By file, from the folder: its row groups, or None for all. Nothing is said of the others.
        directory: Whether folders below are named after partitions, as `key=value`.
    """
    ds = arrow("pyarrow.dataset")
    paths = [str(folder / path) for path in kept]
    partitioning = ds.partitioning(flavor="hive") if directory else None
    whole = ds.dataset(paths, format="parquet", partitioning=partitioning, partition_base_dir=str(folder))
    fragments = []
    for path, fragment in zip(kept, whole.get_fragments(), strict=True):
        groups = kept[path]
        if groups is None:
            fragments.append(fragment)
        elif len(groups):  # a subset of no row groups would count as all of them
            fragments.append(fragment.subset(row_group_ids=list(groups)))
    return ds.FileSystemDataset(fragments, whole.schema, whole.format, whole.filesystem)


def without_views(table: Any) -> Any:
    """The table with views of strings and of binary as plain ones, as pyarrow cannot filter views."""
    pa = arrow()
    plain = {"string_view": pa.string(), "binary_view": pa.binary()}
    fields = [field.with_type(plain.get(str(field.type), field.type)) for field in table.schema]
    return table.cast(pa.schema(fields, table.schema.metadata))


def has_views(schema: Any) -> bool:
    """Whether a column is such a view."""
    return any(str(field.type).endswith("_view") for field in schema)
