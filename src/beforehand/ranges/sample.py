"""The sample of queries that a plan keeps: enough to design a filter for keys that the plan never saw."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData
from beforehand.ranges.codes import LARGEST_CODE, SIGN, Codes
from beforehand.ranges.keys import KeyCodes, KeyType
from beforehand.ranges.queries import Queries, asked_rows, encode_queries
from beforehand.ranges.strings import rows_of

MOST_QUERIES: Final = 20_000


@final
@dataclass(frozen=True, eq=False)
class Sample:
    """Closed ranges of keys of one type: as codes, or as they were asked for where keys are bytes or str."""

    type: KeyType
    lo: Codes | list[bytes]
    hi: Codes | list[bytes]

    @classmethod
    def of(cls, keys: KeyCodes, queries: Queries, seed: int) -> Self:
        """At most 20,000 of the queries, drawn without repetition.

        Raises:
            InvalidInput: They are no queries of such keys.
        """
        lo, hi = encode_queries(keys, queries)
        if keys.type.textual:
            text = keys.type.kind == "str"
            lo, hi = (rows_of(side, text, "queries").tolist() for side in asked_rows(queries))
        if len(lo) <= MOST_QUERIES:
            return cls(keys.type, lo, hi)
        rows = np.sort(np.random.default_rng(seed).choice(len(lo), MOST_QUERIES, replace=False))
        if keys.type.textual:
            return cls(keys.type, [lo[row] for row in rows], [hi[row] for row in rows])
        return cls(keys.type, lo[rows], hi[rows])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.lo)

    @property
    def queries(self) -> tuple[Any, Any]:
        """The ranges, as filters take them."""
        return self._decoded(self.lo), self._decoded(self.hi)

    def _decoded(self, ends: Any) -> Any:
        match self.type.kind:
            case "bytes":
                return ends
            case "str":
                return [end.decode() for end in ends]
            case "uint64":
                return ends
            case "float64":
                flipped = np.where(ends >> np.uint64(63), SIGN, LARGEST_CODE)
                return (ends ^ flipped).view(np.float64)
        ticks = (ends ^ SIGN).view(np.int64)
        return ticks if self.type.kind == "int64" else ticks.view(str(self.type))

    @property
    def fields(self) -> dict[str, str]:
        """As JSON holds it."""
        return {"keys": str(self.type), "lo": _packed(self.lo), "hi": _packed(self.hi)}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """What `fields` gave.

        Raises:
            CorruptData: It is not of that form.
            ValueError: A field is no base64, or names no type of keys.
        """
        kind = KeyType.parse(fields["keys"])
        lo, hi = (_unpacked(fields[name], kind) for name in ("lo", "hi"))
        sample = cls(kind, lo, hi)
        if len(lo) != len(hi) or len(lo) > MOST_QUERIES:
            raise CorruptData(f"its sample has {len(lo)} first and {len(hi)} last keys, but must have as many of each")
        if any(first > last for first, last in zip(lo, hi, strict=True)):
            raise CorruptData("a range of its sample ends before it begins")
        _ = sample.queries  # text must be text
        return sample


def _packed(ends: Codes | list[bytes]) -> str:
    if isinstance(ends, list):
        lengths = np.array([len(end) for end in ends], "<u4")
        data = np.array([len(ends)], "<u4").tobytes() + lengths.tobytes() + b"".join(ends)
    else:
        data = ends.astype("<u8").tobytes()
    return base64.b64encode(data).decode()


def _unpacked(text: str, kind: KeyType) -> Any:
    data = base64.b64decode(text, validate=True)
    if not kind.textual:
        codes: NDArray[np.uint64] = np.frombuffer(data, "<u8").astype(np.uint64)
        return codes
    count = int(np.frombuffer(data[:4], "<u4")[0])
    starts = 4 + 4 * count
    lengths = np.frombuffer(data[4:starts], "<u4").astype(np.int64)
    places = [starts, *(starts + np.cumsum(lengths)).tolist()]
    if len(lengths) != count or places[-1] != len(data):
        raise CorruptData(f"its sample has {len(data)} bytes, but its {count} strings have other lengths")
    return [data[first:last] for first, last in pairwise(places)]
