"""The bytes of an index: a header, a description in JSON, and the filters behind it."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, final

from beforehand.core.checksum import crc32c
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet.column_type import ColumnType

MAGIC: Final = b"\x89BHRI\r\n\x1a"
VERSION: Final = 1
HEADER: Final = struct.Struct(
    "<8sHHIII"
)  # magic, version, zero, bytes of the JSON, its CRC-32C with what precedes, zero
CHECKED: Final = 16  # bytes of the header that the CRC covers, before the JSON
ALIGNMENT: Final = 8
MOST_GROUPS: Final = 2**24
REMEDY: Final = "build the index anew with beforehand ranges index"


@final
@dataclass(frozen=True)
class IndexedFile:
    """A Parquet file as it was when its filters were built."""

    path: str  # from the folder of the index, with slashes
    bytes: int
    footer: int  # CRC-32C of its footer
    rows: tuple[int, ...]  # of each row group
    written: int  # when, in nanoseconds after 1970: a file with another time is the same where its values are
    values: int  # checksum of what it stores of the columns

    def moved(self, path: str) -> "IndexedFile":
        """The same file, seen from another folder."""
        return replace(self, path=path)


@final
@dataclass(frozen=True)
class Group:
    """A row group in a column."""

    nulls: int
    has_nan: bool
    offset: int  # of its filter, behind the JSON
    length: int  # 0 where it has no keys at all


@final
@dataclass(frozen=True)
class Column:
    """A column, with all its row groups in the order of the files."""

    path: str
    type: ColumnType
    groups: tuple[Group, ...]


@final
@dataclass(frozen=True)
class Description:
    """What the JSON of an index says."""

    directory: bool  # whether further files below the folder belong to it
    files: tuple[IndexedFile, ...]
    columns: tuple[Column, ...]


def packed(description: Description, filters: Any) -> Iterator[bytes]:
    """The bytes of an index, piece by piece; the filters stand in the order of their offsets, as `padded` has them."""
    text = json.dumps(_plain(description), separators=(",", ":")).encode()
    if len(text) >= 2**32:
        raise InvalidInput(
            f"the description has {len(text)} bytes, but an index holds 4 GiB; index fewer files at once"
        )
    head = HEADER.pack(MAGIC, VERSION, 0, len(text), 0, 0)
    yield HEADER.pack(MAGIC, VERSION, 0, len(text), crc32c(head[:CHECKED] + text), 0)
    yield text + bytes(-(HEADER.size + len(text)) % ALIGNMENT)
    yield filters


def refuse_to_replace(path: Path) -> None:
    """Raise if there is a file that holds something, but no index: it may be the data.

    Raises:
        InvalidInput: There is.
    """
    try:
        with open(path, "rb") as stream:
            held = stream.read(len(MAGIC))
    except OSError:
        return
    if held not in (MAGIC, b""):
        raise InvalidInput(f"{path} exists and is no index of ranges; take another name, so that it is not lost")


def after(length: int) -> int:
    """Where the next filter begins behind one of this length."""
    return length + -length % ALIGNMENT


def unpacked(data: Any) -> tuple[Description, int]:
    """The description of an index, and where its filters begin.

    Raises:
        CorruptData: These bytes are no index, or were damaged. The filters themselves are checked when they are read.
    """
    size = len(data)
    if size < HEADER.size or bytes(data[:8]) != MAGIC:
        raise CorruptData(f"these {size} bytes are no index of ranges, as they do not begin like one; {REMEDY}")
    _, version, zero, length, crc, last = HEADER.unpack(bytes(data[: HEADER.size]))
    if version > VERSION:
        raise CorruptData(
            f"the index has version {version}, but this release reads version {VERSION}; take a newer one"
        )
    begin = after(HEADER.size + length)
    if version < 1 or zero or last or begin > size:
        raise CorruptData(f"the index is damaged in its first {HEADER.size} bytes, or cut off; {REMEDY}")
    text = bytes(data[HEADER.size : HEADER.size + length])
    if crc32c(bytes(data[:CHECKED]) + text) != crc:
        raise CorruptData(f"the description of the index does not have the checksum {crc:08x} any more; {REMEDY}")
    try:
        described = _described(json.loads(text.decode()), size - begin)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"the description of the index is damaged: {error}; {REMEDY}") from None
    if any(data[HEADER.size + length : begin]):
        raise CorruptData(f"the index is damaged behind its description; {REMEDY}")
    return described, begin


def _plain(description: Description) -> dict[str, Any]:
    files = [
        {"path": f.path, "bytes": f.bytes, "footer": f.footer, "rows": list(f.rows)}
        | {"written": f.written, "values": f.values}
        for f in description.files
    ]
    columns = [
        {
            "path": c.path,
            "type": c.type.name,
            "groups": [[g.nulls, int(g.has_nan), g.offset, g.length] for g in c.groups],
        }
        for c in description.columns
    ]
    return {"directory": description.directory, "files": files, "columns": columns}


def _described(found: Any, room: int) -> Description:
    """The description that JSON holds; a ValueError names what is wrong with it."""
    _fields(found, "it", {"directory": bool, "files": list, "columns": list})
    files = []
    for place, file in enumerate(found["files"]):
        name = f"files[{place}]"
        _fields(file, name, {"path": str, "bytes": int, "footer": int, "rows": list, "written": int, "values": int})
        path = PurePosixPath(file["path"])
        if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in file["path"] or "\0" in file["path"]:
            raise ValueError(f"{name} has the path {file['path'][:80]!r}, which does not stay in the folder")
        rows = tuple(_count(each, f"{name}.rows", 2**63) for each in file["rows"])
        size, footer = _count(file["bytes"], f"{name}.bytes", 2**63), _count(file["footer"], f"{name}.footer", 2**32)
        written, values = (
            _count(file[key], f"{name}.{key}", 2**bits) for key, bits in (("written", 63), ("values", 32))
        )
        files.append(IndexedFile(file["path"], size, footer, rows, written, values))
    if len({file.path for file in files}) < len(files):
        raise ValueError("a file stands there twice")
    counts = [count for file in files for count in file.rows]
    columns = []
    end = 0
    for place, column in enumerate(found["columns"]):
        name = f"columns[{place}]"
        _fields(column, name, {"path": str, "type": str, "groups": list})
        if len(column["groups"]) != len(counts):
            raise ValueError(f"{name} has {len(column['groups'])} row groups, but the files have {len(counts)}")
        groups = []
        for index, (group, held) in enumerate(zip(column["groups"], counts, strict=True)):
            groups.append(_group(group, f"{name}.groups[{index}]", held, end))
            end += after(groups[-1].length)
        columns.append(Column(column["path"], ColumnType.parse(column["type"][:200], name), tuple(groups)))
    if not columns or len({column.path for column in columns}) < len(columns):
        raise ValueError("it has no column, or one twice")
    if end != room:
        raise ValueError(f"its filters need {end} bytes, but {room} are there")
    return Description(found["directory"], tuple(files), tuple(columns))


def _group(found: Any, name: str, rows: int, begin: int) -> Group:
    if type(found) is not list or len(found) != 4:
        raise ValueError(f"{name} has not four numbers")
    nulls, nan, offset, length = (_count(each, name, 2**63) for each in found)
    if nulls > rows or nan > 1 or offset != begin or (length and nulls == rows):
        raise ValueError(f"{name} has {nulls} nulls of {rows} rows, NaN {nan}, and {length} bytes at {offset}")
    return Group(nulls, bool(nan), offset, length)


def _fields(found: Any, name: str, types: dict[str, type]) -> None:
    if type(found) is not dict or found.keys() != types.keys():
        raise ValueError(f"{name} should have the fields {', '.join(types)} and no others")
    for field, wanted in types.items():
        if type(found[field]) is not wanted:
            raise ValueError(f"{field} of {name} is no {wanted.__name__}")


def _count(found: Any, name: str, limit: int) -> int:
    if type(found) is not int or not 0 <= found < limit:
        raise ValueError(f"{name} has {str(found)[:80]}, which is no number from 0 to below {limit}")
    return found
