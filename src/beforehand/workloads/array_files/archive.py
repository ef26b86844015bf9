"""Several arrays as one file: a zip archive of which each is a member, while JSON says what they were.

What was not rounded lies there byte for byte, and of a table the other columns as a file of Parquet, of csv as rows.
"""

import json
import math
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.array_files.npz import unpacked
from beforehand.workloads.array_files.stored import Stored, dtype_name, held_as, mapped

CONTENTS: Final = "contents.json"
FORMS: Final = ("npz", "csv", "parquet", "arrow", "arrow_stream", "safetensors")
REST: Final = {"csv": "rest.jsonl"} | dict.fromkeys(("parquet", "arrow", "arrow_stream"), "rest.parquet")
FORMAT: Final = "beforehand arrays 1"
CODES: Final = b"\x89BHVC\r\n\x1a"  # how the codes of one array begin
READABLE: Final = " /.,;=@#~+[](){}"  # in names of members


@final
@dataclass(kw_only=True)
class Archive:
    """An archive that is being written.

    Args:
        stream: Where to.
        form: How the source is written, see `ArrayFile`.
        notes: Of the source.
    """

    stream: BinaryIO
    form: str
    notes: Mapping[str, Any]
    arrays: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin it."""
        self._zip = zipfile.ZipFile(self.stream, "w")

    def add_codes(self, name: str, codes: bytes) -> None:
        """A rounded array."""
        self._add(name, ".bhq", [codes], {})

    def add_kept(self, array: Stored) -> None:
        """An array as it is."""
        self._add(array.name, ".raw", array.raw(), {"dtype": array.dtype, "shape": list(array.shape)})

    def __enter__(self) -> "Archive":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it; without `finish` nobody reads it."""
        self._zip.close()

    def finish(self, rest: NDArray[np.uint8] | None) -> None:
        """Write the other columns of a table, if there are any, and the contents."""
        if rest is not None:
            with self._zip.open(_info(REST[self.form]), "w", force_zip64=True) as member:
                for piece in Stored.of(rest).raw():
                    member.write(piece)
        contents = {"format": FORMAT, "form": self.form, "notes": dict(self.notes), "arrays": self.arrays}
        self._zip.writestr(_info(CONTENTS), json.dumps(contents))

    def _add(self, name: str, ending: str, pieces: Iterable[Any], facts: Mapping[str, Any]) -> None:
        member = _member(name, ending)
        with self._zip.open(_info(member), "w", force_zip64=True) as written:
            for piece in pieces:
                written.write(piece)
        self.arrays.append({"name": name, "member": member, **facts})


@final
@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an archive holds.

    Attributes:
        form: How the source was written.
        notes: Of the source.
        arrays: In their order: the name with the bytes of codes, which are mapped, or an array that was kept.
        rest: The other columns of a table, see `ArrayFile`.
    """

    form: str
    notes: Mapping[str, Any]
    arrays: list[tuple[str, NDArray[np.uint8]] | Stored]
    rest: NDArray[np.uint8] | None


def read_archive(stream: BinaryIO) -> Contents:
    """What `Archive` wrote.

    Raises:
        InvalidInput: it is another archive.
        CorruptData: it is damaged.
    """
    with zipfile.ZipFile(stream) as archive:
        contents = _told(archive)
        arrays: list[tuple[str, NDArray[np.uint8]] | Stored] = []
        seen: set[str] = set()
        members = archive.namelist()
        for entry in contents["arrays"]:
            name, member = entry["name"], entry["member"]
            if type(name) is not str or name in seen:
                raise CorruptData(f"it names an array {name!r} twice, or by no text; encode the source again")
            seen.add(name)
            if member != _member(name, ".raw" if "dtype" in entry else ".bhq"):
                raise CorruptData(f"array {name!r} is in a member {member!r}, which is another's; encode it again")
            with unpacked(archive, archive.getinfo(member)) as held:
                arrays.append(_kept(held, entry) if "dtype" in entry else (name, _mapped(held)))
            members.remove(member)
        if not arrays:
            raise CorruptData("it holds no arrays, which encode never writes; pass what encode wrote")
        rest, other = None, REST.get(contents["form"])
        if other in members:
            members.remove(other)
            with unpacked(archive, archive.getinfo(other)) as held:
                rest = _mapped(held)
        if members != [CONTENTS]:  # zip guards what members hold, but a damaged name would lose all other columns
            found = ", ".join(repr(each) for each in members if each != CONTENTS) or CONTENTS
            raise CorruptData(f"it holds {found} twice, or without telling of it; encode the source again")
        return Contents(form=str(contents["form"]), notes=dict(contents["notes"]), arrays=arrays, rest=rest)


def is_archive(stream: BinaryIO) -> bool:
    """Whether a zip archive is one that `Archive` wrote."""
    with zipfile.ZipFile(stream) as archive:
        return CONTENTS in archive.namelist()


def form_of(stream: BinaryIO) -> str:
    """How the source of an archive was written; nothing else is read.

    Raises:
        InvalidInput: As `read_archive`.
        CorruptData: As `read_archive`.
    """
    with zipfile.ZipFile(stream) as archive:
        return str(_told(archive)["form"])


def _told(archive: zipfile.ZipFile) -> dict[str, Any]:
    if CONTENTS not in archive.namelist():
        raise InvalidInput("it is an archive, but holds no codes; pass what encode wrote")
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise CorruptData("its members are compressed, which encode never does; pass what encode wrote")
    contents: dict[str, Any] = json.loads(archive.read(CONTENTS))
    if contents["format"] != FORMAT:
        raise CorruptData(f"it has format {contents['format']!r}, but must have {FORMAT!r}; update beforehand")
    if contents["form"] not in FORMS:
        raise CorruptData(f"it comes from {contents['form']!r}, but must come from one of {', '.join(FORMS)}")
    return contents


def _mapped(stream: BinaryIO) -> NDArray[np.uint8]:
    return mapped(stream, np.uint8, (stream.seek(0, 2),))


def _kept(stream: BinaryIO, entry: Mapping[str, Any]) -> Stored:
    dtype, shape = str(entry["dtype"]), tuple(map(int, entry["shape"]))
    held = held_as(dtype)
    dtype_name(held)
    size = stream.seek(0, 2)
    own = held.name == "uint8" and dtype not in ("uint8", "float8_e4m3fn", "float8_e5m2")
    if min(shape, default=0) < 0 or (not own and size != math.prod(shape) * held.itemsize):
        raise CorruptData(
            f"array {entry['name']} has {size} bytes, but shape {shape} and dtype {dtype}; encode it again"
        )
    if not own:
        return Stored.of(mapped(stream, held, shape), entry["name"], dtype)
    data = mapped(stream, held, (size,))
    return Stored(
        name=entry["name"], dtype=dtype, shape=shape, rows=lambda first, last: data if first == 0 else data[:0]
    )


def _member(name: str, ending: str) -> str:
    """What the member is called that holds an array."""
    return quote(name, safe=READABLE) + ending


def _info(name: str) -> zipfile.ZipInfo:
    """Without the time, so that the same arrays give the same bytes."""
    return zipfile.ZipInfo(name)
