"""What a column holds, by Arrow's name for its type, and what its values are as keys of filters."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.host import arrow
from beforehand.ranges.keys import KeyType

Form = Literal["whole", "float", "bytes", "wide"]
TYPE: Final = re.compile(
    r"(?P<whole>u?int)(?P<bits>8|16|32|64)|(?P<float>halffloat|float|double)|date(?P<days>32|64)\[(?:day|ms)\]"
    r"|(?P<time>timestamp|time32|time64|duration)\[(?P<unit>s|ms|us|ns)(?P<zone>, tz=.+)?\]"
    r"|decimal(?P<decimal>32|64|128|256)\((?P<digits>\d+), (?P<scale>\d+)\)"
    r"|(?P<text>(?:large_)?string|string_view)|(?:large_)?binary|binary_view|fixed_size_binary\[(?P<length>\d+)\]"
)
FLOATS: Final[dict[str, np.dtype[Any]]] = {
    "halffloat": np.dtype(np.float16),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
}
INT32: Final = (-(2**31), 2**31 - 1)
INT64: Final = (-(2**63), 2**63 - 1)
MOST_DIGITS: Final = 18  # of a decimal whose unscaled value is an int64
Keys = NDArray[Any] | list[bytes]


@final
@dataclass(frozen=True)
class ColumnKeys:
    """What a row group holds in a column."""

    keys: Keys
    nulls: int
    has_nan: bool


@final
@dataclass(frozen=True)
class ColumnType:
    """A type of Parquet columns whose values have an order of codes.

    Whole numbers are integers, points in time and durations as ticks of `unit`, and unscaled decimals. Wide ones are
    decimals beyond int64, as big-endian bytes with the sign bit flipped.
    """

    name: str
    form: Form
    key_type: KeyType
    least: int = 0  # of whole and wide numbers
    most: int = 0
    unit: str | None = None
    scale: int = 0
    width: int = 0  # bytes of a wide number
    text: bool = False
    zoned: bool = False

    @classmethod
    def parse(cls, name: str, column: str = "the column") -> Self:
        """The type with this name.

        Raises:
            InvalidInput: Its values have no order of codes, or it is unknown.
        """
        found = TYPE.fullmatch(name)
        if found is None:
            raise InvalidInput(
                f"{column} is of type {name}, but an index holds integers, floats, decimals, strings, binary, dates, "
                "times and durations, also in dictionaries and as members of structs; choose another column"
            )
        if found["whole"]:
            bits = int(found["bits"])
            unsigned = found["whole"] == "uint"
            least, most = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            return cls(name, "whole", KeyType("uint64" if unsigned else "int64"), least, most)
        if found["float"]:
            return cls(name, "float", KeyType("float64"))
        if found["days"]:
            unit, (least, most) = ("D", INT32) if found["days"] == "32" else ("ms", INT64)
            return cls(name, "whole", KeyType("datetime64", unit), least, most, unit=unit)
        if found["time"]:
            kind: Any = "datetime64" if found["time"] == "timestamp" else "timedelta64"
            unit, zoned = found["unit"], found["zone"] is not None
            least, most = INT32 if found["time"] == "time32" else INT64
            return cls(name, "whole", KeyType(kind, unit), least, most, unit=unit, zoned=zoned)
        if found["decimal"]:
            most, scale = 10 ** int(found["digits"]) - 1, int(found["scale"])
            if int(found["digits"]) <= MOST_DIGITS:
                return cls(name, "whole", KeyType("int64"), -most, most, scale=scale)
            return cls(name, "wide", KeyType("bytes"), -most, most, scale=scale, width=int(found["decimal"]) // 8)
        return cls(name, "bytes", KeyType("bytes"), text=found["text"] is not None)

    @classmethod
    def of(cls, arrow_type: Any, column: str) -> Self:
        """The type that an Arrow type is; of a dictionary that of its values."""
        while arrow().types.is_dictionary(arrow_type):
            arrow_type = arrow_type.value_type
        return cls.parse(str(arrow_type), f"column {column}")

    @property
    def like(self) -> tuple[object, ...]:
        """Types for which this is equal have the same codes."""
        return self.form, self.key_type, self.scale, self.width, self.zoned, self.form == "float" and self.name

    def wider(self, other: Self) -> Self:
        """Of two types with the same codes, the one that holds the values of both."""
        return other if other.most > self.most else self

    @property
    def is_decimal(self) -> bool:
        """Whether its numbers are scaled."""
        return self.name.startswith("decimal")

    def keys(self, column: Any) -> ColumnKeys:
        """The values of an Arrow column as keys; without nulls and NaN, which have no place in an order."""
        chunks = [self._plain(chunk) for chunk in column.chunks]
        nulls = sum(chunk.null_count for chunk in chunks)
        parts = [self._chunk(chunk.drop_null()) for chunk in chunks]
        if self.form == "bytes":
            return ColumnKeys([row for part in parts for row in part], nulls, False)
        keys = np.concatenate([*parts, self._numbers(np.empty(0, np.int64))])
        missing = np.isnan(keys) if self.form == "float" else np.zeros(0, np.bool_)
        return ColumnKeys(keys[~missing] if missing.any() else keys, nulls, bool(missing.any()))

    def _plain(self, chunk: Any) -> Any:
        """Not in a dictionary, and no view, for which pyarrow lacks functions."""
        pa = arrow()
        if pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_decode()
        return chunk.cast(pa.large_binary()) if self.form == "bytes" and not self.name.startswith("fixed") else chunk

    def _chunk(self, chunk: Any) -> Any:
        if self.form == "bytes":
            return chunk.to_pylist()
        if self.form == "wide":
            rows = _values(chunk, np.dtype((np.uint8, self.width)))[:, ::-1].copy()
            rows[:, 0] ^= 0x80
            return rows.view(f"S{self.width}").ravel()
        if self.form == "float":
            return _values(chunk, FLOATS[self.name]).astype(np.float64)
        width = chunk.type.bit_width // 8
        if width > 8:  # a decimal of few digits, whose upper words only repeat the sign
            return _values(chunk, np.dtype((np.int64, width // 8)))[:, 0]
        return self._numbers(_values(chunk, np.dtype(f"{'u' if self.key_type.kind == 'uint64' else 'i'}{width}")))

    def _numbers(self, values: NDArray[Any]) -> NDArray[Any]:
        """Integers in the dtype of the keys. The lowest point in time would be NaT: it counts as the one above."""
        if self.form == "float":
            return values.astype(np.float64)
        if self.form == "wide":
            return values.astype(f"S{self.width}")
        if self.unit is None:
            return values.astype(self.key_type.kind)
        return np.maximum(values.astype(np.int64), INT64[0] + 1).view(str(self.key_type))


def _values(chunk: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """What the values of an array without nulls are in memory."""
    held = chunk.buffers()[1]
    if held is None or not len(chunk):
        return np.empty((0, *dtype.shape), dtype.base)
    return np.frombuffer(held, dtype.base).reshape(-1, *dtype.shape)[chunk.offset : chunk.offset + len(chunk)]
