"""Values rounded to levels, and packed into as few bits as the number of levels takes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.deprecation import warn_renamed
from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.quantization.dtypes import DTYPES

MOST_REPEATED = 2**28  # bytes that codes of 0 bits make unasked


@final
@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Codes:
    """An array as the numbers of its levels: what `encode` returns and `decode` reads. Immutable.

    Guarantee:
        `Codes.from_bytes(codes.to_bytes()) == codes`, on every machine and in every later version. Any other bytes are
        rejected, whatever they contain, before memory is allocated for what they claim.

    Cost:
        One bytes object, which `to_bytes` returns without a copy; `from_bytes` keeps the one it is given, and reads it
        once.

    Example:
        >>> from beforehand.quantization import encode
        >>> codes = encode([0.0, 0.5, 4.0], [0.0, 1.0, 2.0, 4.0], seed=1)
        >>> codes
        Codes(shape=(3,), dtype='float64', bits=2, n_levels=4, method='given', objective='unbiased')
        >>> Codes.from_bytes(codes.to_bytes()) == codes
        True
    """

    _data: bytes
    _header: _native.CodesHeader

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> "Codes":
        """Read what `to_bytes` returned.

        Raises:
            CorruptData: These bytes are not exactly what `to_bytes` returned.
        """
        try:
            kept = data if isinstance(data, bytes) else bytes(memoryview(data))
        except TypeError:
            raise InvalidInput(f"data is a {type(data).__name__}, but must be bytes; read them from the file") from None
        codes = cls(kept, _native.open_codes(kept))
        if codes.method != "scaled" and not DTYPES[codes.dtype].holds(codes.levels):
            raise CorruptData(
                f"not a valid Codes buffer ({len(kept)} bytes): levels are beyond {codes.dtype}; "
                "pass the complete output of to_bytes()"
            )
        return codes

    def to_bytes(self) -> bytes:
        """The whole as bytes, with a checksum; no copy is made."""
        return self._data

    def indices(self) -> NDArray[Any]:
        """The number of each value's level in its table, as uint8 or, above 256 levels, uint16.

        Raises:
            InvalidInput: The method is "rotation", where levels stand for rotated values.
        """
        if self.method == "rotation":
            raise InvalidInput('method is "rotation", where a code does not stand for one value; call decode() instead')
        self._check_repeated(1, "all of them are 0")
        out = np.empty(self.shape, np.uint8 if self.n_levels <= 256 else np.uint16)
        _native.code_indices(self._header, self._data, out.reshape(-1))
        return out

    def _check_repeated(self, itemsize: int, remedy: str) -> None:
        """Raise if few bytes stand for a large array: of codes of 0 bits, nothing but the shape says how large.

        Raises:
            CapacityExceeded: They do.
        """
        size = itemsize * math.prod(self.shape)
        if self.bits == 0 and size > MOST_REPEATED:
            raise CapacityExceeded(
                f"these {self.nbytes} bytes of codes stand for {size} bytes of repeated values, in shape {self.shape}; "
                f"{remedy}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the source."""
        return tuple(self._header.shape)

    @property
    def dtype(self) -> str:
        """The name of the source's dtype; a name, since numpy has no bfloat16."""
        return self._header.dtype.name

    @property
    def bits(self) -> int:
        """Bits of each code, 0 to 16."""
        return self._header.bits

    @property
    def n_levels(self) -> int:
        """The most levels that a group has."""
        return self._header.n_levels

    @property
    def s(self) -> int:
        """The old name of `n_levels`."""
        warn_renamed("Codes.s", "Codes.n_levels")
        return self.n_levels

    @property
    def method(self) -> str:
        """How the levels were found, one of "uniform", "histogram", "exact", "given", "rotation" or "scaled"."""
        return self._header.method.name

    @property
    def scales(self) -> NDArray[np.float64] | None:
        """With method "scaled" the scale of each block, by which its levels are multiplied, row by row; else None."""
        return _native.block_scales(self._header, self._data) if self.method == "scaled" else None

    @property
    def objective(self) -> str:
        """How values were rounded, "unbiased" or "mse"."""
        return self._header.objective.name

    @property
    def levels(self) -> NDArray[Any]:
        """The table, or the tables as `(groups, n_levels)`, short ones padded with their last level; read-only."""
        groups, n_levels = self._header.tables, self.n_levels
        table = np.frombuffer(self._data, DTYPES[self.dtype].levels, groups * n_levels, self._header.levels_at)
        return table if groups == 1 else table.reshape(groups, n_levels)

    @property
    def seed(self) -> int:
        """The seed of the rounding or the rotation; 0 if nothing was random."""
        return self._header.seed

    @property
    def stream(self) -> int:
        """The stream of that seed; 0 if nothing was random."""
        return self._header.stream

    @property
    def clipped(self) -> int:
        """How many values lay outside their levels and were clipped to the end level; with `"mse"` none are counted."""
        return self._header.clipped

    @property
    def nbytes(self) -> int:
        """The length of `to_bytes()`."""
        return len(self._data)

    @property
    def bits_per_value(self) -> float:
        """All bits, including those of levels and header, divided by the number of values."""
        return 8 * self.nbytes / max(1, math.prod(self.shape))

    def __len__(self) -> int:
        """The length of axis 0."""
        if not self.shape:
            raise TypeError("len() of codes of a 0-d array")
        return self.shape[0]

    def __eq__(self, other: object) -> bool:
        """Whether the bytes are the same."""
        return self._data == other._data if isinstance(other, Codes) else NotImplemented

    def __hash__(self) -> int:
        """The hash of the bytes."""
        return hash(self._data)

    def __reduce__(self) -> tuple[Callable[[bytes], "Codes"], tuple[bytes]]:
        """Pickles as bytes."""
        return Codes.from_bytes, (self._data,)

    def __repr__(self) -> str:
        """Say what is coded, and how."""
        names = ("shape", "dtype", "bits", "n_levels", "method", "objective")
        return f"Codes({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"
