"""Columns of Parquet files, row group by row group, as keys."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, final

from beforehand.core.checksum import crc32c
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet.column_type import ColumnKeys, ColumnType
from beforehand.integrations.parquet.host import arrow


@final
class Reader:
    """One Parquet file, open."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        try:
            self._file = arrow("pyarrow.parquet").ParquetFile(path)
        except (OSError, arrow().ArrowInvalid) as error:  # what is damaged is an OSError too, without a number
            if getattr(error, "errno", None) is not None:
                raise InvalidInput(f"{path} cannot be read: {first_line(error)}; check the path") from error
            raise CorruptData(f"{path} is no Parquet file: {first_line(error)}; check that it is whole") from error

    def __enter__(self) -> "Reader":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()

    @property
    def rows(self) -> tuple[int, ...]:
        """How many each row group has."""
        metadata = self._file.metadata
        return tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))

    def stored_bytes(self) -> list[int]:
        """How many bytes each row group takes in the file."""
        metadata = self._file.metadata
        groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
        return [sum(group.column(i).total_compressed_size for i in range(group.num_columns)) for group in groups]

    def chunk_checksums(self, group: int, columns: Iterable[str]) -> list[int]:
        """CRC-32C of what a row group stores of each of these columns, not decoded.

        Raises:
            InvalidInput: The file cannot be read.
        """
        stored = self._file.metadata.row_group(group)
        chunks = [stored.column(place) for place in range(stored.num_columns)]
        found = []
        try:
            with open(self.path, "rb") as stream:
                for column in columns:
                    data = b""
                    for chunk in (chunk for chunk in chunks if chunk.path_in_schema == column):
                        dictionary = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
                        stream.seek(max(min(chunk.data_page_offset, dictionary or chunk.data_page_offset), 0))
                        data += stream.read(chunk.total_compressed_size)
                    found.append(crc32c(data))
        except OSError as error:
            raise InvalidInput(f"{self.path} cannot be read: {error.strerror}; check the path") from error
        return found

    def type_of(self, column: str) -> ColumnType:
        """What a column holds.

        Raises:
            InvalidInput: There is no such column, or its values have no order of codes.
        """
        return ColumnType.of(field_at(self._file.schema_arrow, column, self.path)[1], column)

    def keys(self, group: int, columns: list[tuple[str, ColumnType]]) -> list[ColumnKeys]:
        """What a row group holds in these columns.

        Raises:
            CorruptData: It cannot be decoded.
        """
        try:
            table = self._file.read_row_group(group, columns=[column for column, _ in columns], use_threads=False)
        except (OSError, arrow().ArrowException) as error:
            raise CorruptData(f"row group {group} of {self.path} cannot be read: {first_line(error)}") from error
        found = []
        for column, type_ in columns:
            names, _ = field_at(table.schema, column, self.path)
            values = table.column(names[0])
            for name in names[1:]:
                values = arrow("pyarrow.compute").struct_field(values, name)
            found.append(type_.keys(values))
        return found


def field_at(schema: Any, column: str, path: object) -> tuple[list[str], Any]:
    """The names that lead to a column, dotted where it is a member of a struct, and its Arrow type.

    Raises:
        InvalidInput: There is no such column.
    """
    pa = arrow()
    held = list(schema)
    fields = {field.name: field.type for field in held}
    names: list[str] = []
    rest = column
    while rest not in fields:
        inner = [name for name in fields if rest.startswith(f"{name}.") and pa.types.is_struct(fields[name])]
        if not inner:
            known = ", ".join(list(fields)[:20])
            raise InvalidInput(f"{path} has no column {column!r}; take one of {known}, or a.b for member b of a struct")
        name = max(inner, key=len)
        names.append(name)
        rest, struct = rest[len(name) + 1 :], fields[name]
        held = [struct.field(i) for i in range(struct.num_fields)]
        fields = {field.name: field.type for field in held}
    if sum(field.name == rest for field in held) > 1:
        raise InvalidInput(f"{path} has several columns {column!r}, which nobody can tell apart; rename them")
    return [*names, rest], fields[rest]


def shown_columns(schema: Any, columns: Sequence[str] | str, path: object) -> list[str]:
    """The names of columns to return, where all of them exist.

    Raises:
        InvalidInput: There is no such column.
    """
    wanted = [columns] if isinstance(columns, str) else list(columns)
    for name in wanted:
        if name not in schema.names and not name.startswith("__"):  # pyarrow adds __filename and its like
            known = ", ".join(schema.names[:20])
            raise InvalidInput(f"{path} has no column {name!r} to return; take some of {known}")
    return wanted


def first_line(error: BaseException) -> str:
    """What an error says, as a part of a sentence."""
    return str(error).strip().partition("\n")[0][:300].rstrip(".") or type(error).__name__
