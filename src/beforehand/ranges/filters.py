"""All filters by name, and reading any of them from bytes or a file."""

import mmap
import os
from typing import Any, Final

from beforehand.core.errors import CorruptData
from beforehand.ranges.filter import Buffer, RangeFilter
from beforehand.ranges.locality_hash import LocalityHash
from beforehand.ranges.native_filter import NativeFilter, as_octets
from beforehand.ranges.prefix_bloom import PrefixBloom
from beforehand.ranges.proteus import Proteus
from beforehand.ranges.rosetta import Rosetta
from beforehand.ranges.surf import SuRF
from beforehand.ranges.two_prefix_bloom import TwoPrefixBloom

FILTERS: Final[dict[str, type[NativeFilter]]] = {
    "proteus": Proteus,
    "prefix-bloom": PrefixBloom,
    "two-prefix-bloom": TwoPrefixBloom,
    "surf": SuRF,
    "rosetta": Rosetta,
    "locality-hash": LocalityHash,
}
_KINDS: Final[dict[int, type[NativeFilter]]] = {  # as the bytes number them
    1: Proteus,
    2: SuRF,
    3: Rosetta,
    4: TwoPrefixBloom,
    5: PrefixBloom,
    6: LocalityHash,
}
_POLICY: Final = 0
_KIND_AT: Final = 10


def load(data: Buffer | str | os.PathLike[str], *, copy: bool = True) -> RangeFilter:
    """Read a filter of any kind.

    Args:
        data: What `to_bytes` returned, or the path of a file that holds it, which is mapped into memory.
        copy: False keeps a reference to the buffer or the mapping, which must not change while the filter is used.

    Raises:
        CorruptData: These are not exactly the bytes of a filter.
        OSError: The file cannot be read.

    Example:
        >>> from beforehand.ranges import LocalityHash
        >>> filter = LocalityHash.build([2, 3, 5, 7])
        >>> load(filter.to_bytes()) == filter
        True
    """
    octets = as_octets(_mapped(data) if isinstance(data, str | os.PathLike) else data)
    kind = int(octets[_KIND_AT]) if len(octets) > _KIND_AT else -1
    if kind == _POLICY:
        raise CorruptData("these bytes are the policy of a plan, not a filter; build one by the plan, then load that")
    return _KINDS.get(kind, Proteus).from_bytes(octets, copy=copy)  # which says what is wrong


def _mapped(path: Any) -> Any:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
