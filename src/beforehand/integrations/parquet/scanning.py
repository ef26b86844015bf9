"""Datasets of pyarrow that leave out row groups."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.footer import Stamp
from beforehand.integrations.parquet.host import arrow
from beforehand.integrations.parquet.layout import Description
from beforehand.integrations.parquet.reading import field_at, first_line


class Whole(NamedTuple):
    """All files as pyarrow has them, opened once: a fragment keeps the footer of its file."""

    paths: tuple[str, ...]
    stamps: tuple[Stamp, ...]  # of those not indexed, which may be written anew at any time
    dataset: Any
    fragments: tuple[Any, ...]


def whole_of(folder: Path, paths: Sequence[str], stamps: tuple[Stamp, ...], description: Description) -> Whole:
    """The files of an index below a folder, and those that have come to it.

    Raises:
        InvalidInput: pyarrow cannot read them.
    """
    ds = arrow("pyarrow.dataset")
    partitioning = ds.partitioning(flavor="hive") if description.directory else None
    named = [str(folder / path) for path in paths]
    with reading():
        dataset = ds.dataset(named, format="parquet", partitioning=partitioning, partition_base_dir=str(folder))
        fragments = tuple(dataset.get_fragments())
        return Whole(tuple(paths), stamps, _widened(dataset, fragments, description), fragments)


@contextmanager
def reading(engine: str = "pyarrow", *others: type[Exception]) -> Iterator[None]:
    """Pass on what an engine that reads the files raises as one of our errors."""
    try:
        yield
    except (arrow().ArrowException, *others) as error:
        words = f"{engine} cannot read the files: {first_line(error)}; check that they are whole and alike"
        raise InvalidInput(words) from error


def _widened(dataset: Any, fragments: Sequence[Any], description: Description) -> Any:
    """The dataset with indexed columns as wide as in the widest file; pyarrow takes the types of the first."""
    narrow = {
        names[0]
        for column in description.columns
        for names, type_ in [field_at(dataset.schema, column.path, "the first file")]
        if ColumnType.of(type_, column.path).most < column.type.most
    }
    if not narrow:
        return dataset
    pa, schema = arrow(), dataset.schema
    for name in narrow:
        fields = [each.physical_schema.field(name) for each in fragments if name in each.physical_schema.names]
        wide = pa.unify_schemas([pa.schema([field]) for field in fields], promote_options="permissive")
        schema = schema.set(schema.get_field_index(name), wide.field(0))
    return arrow("pyarrow.dataset").FileSystemDataset(list(fragments), schema, dataset.format, dataset.filesystem)


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
