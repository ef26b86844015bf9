"""Datasets of pyarrow that leave out row groups."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from beforehand.integrations.parquet.host import arrow


class Whole(NamedTuple):
    """All files as pyarrow has them, opened once: a fragment keeps the footer of its file."""

    paths: tuple[str, ...]
    dataset: Any
    fragments: tuple[Any, ...]


def whole_of(folder: Path, paths: Sequence[str], directory: bool) -> Whole:
    """The files below a folder, of which `directory` says whether inner folders may name partitions as `key=value`."""
    ds = arrow("pyarrow.dataset")
    partitioning = ds.partitioning(flavor="hive") if directory else None
    named = [str(folder / path) for path in paths]
    dataset = ds.dataset(named, format="parquet", partitioning=partitioning, partition_base_dir=str(folder))
    return Whole(tuple(paths), dataset, tuple(dataset.get_fragments()))


def kept_of(whole: Whole, kept: Mapping[str, Sequence[int] | None]) -> Any:
    """A dataset with only these row groups of each file; with all where it is None, and none of files not named."""
    fragments = []
    for path, fragment in zip(whole.paths, whole.fragments, strict=True):
        groups = kept.get(path, ())
        if groups is None:
            fragments.append(fragment)
        elif len(groups):  # a subset of no row groups would count as all of them
            fragments.append(fragment.subset(row_group_ids=list(groups)))
    found = whole.dataset
    return arrow("pyarrow.dataset").FileSystemDataset(fragments, found.schema, found.format, found.filesystem)


def without_views(table: Any) -> Any:
    """The table with views of strings and of binary as plain ones, as pyarrow cannot filter views."""
    pa = arrow()
    plain = {"string_view": pa.string(), "binary_view": pa.binary()}
    fields = [field.with_type(plain.get(str(field.type), field.type)) for field in table.schema]
    return table.cast(pa.schema(fields, table.schema.metadata))


def has_views(schema: Any) -> bool:
    """Whether a column is such a view."""
    return any(str(field.type).endswith("_view") for field in schema)
