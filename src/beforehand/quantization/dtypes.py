"""The dtypes that arrays may have: how each is read, what its levels are made of, and what decoding gives."""

from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


@final
@dataclass(frozen=True)
class Dtype:
    """One dtype of a source; numpy has all but bfloat16 and those of 8 bits."""

    code: _native.Dtype  # in the bytes of codes
    keyed: bool  # read as unsigned keys into a table of all its values, as these are few
    levels: np.dtype[Any]  # float32 where it holds every value exactly, else float64
    decoded: np.dtype[Any]

    @property
    def name(self) -> str:
        """Its name in numpy, where it has one."""
        return self.code.name

    @property
    def narrower(self) -> np.dtype[Any]:
        """What a level is rounded to on its way from the solver to decoded values."""
        return min(self.levels, self.decoded, key=lambda dtype: dtype.itemsize)

    @property
    def lookup(self) -> NDArray[np.float32] | None:
        """What each key stands for; None where values are not keys."""
        return _lookup(self.name) if self.keyed else None

    def holds(self, levels: NDArray[Any]) -> bool:
        """Whether decoding to this dtype keeps all levels finite."""
        with np.errstate(over="ignore", under="ignore"):
            if self.name == "bfloat16":
                return bool(np.isfinite(widen(narrow(levels))).all())
            return self.levels == self.decoded or bool(np.isfinite(levels.astype(self.decoded)).all())


DTYPES = {
    dtype.name: dtype
    for dtype in (
        Dtype(_native.Dtype.float64, False, DOUBLE, DOUBLE),
        Dtype(_native.Dtype.float32, False, SINGLE, SINGLE),
        Dtype(_native.Dtype.float16, True, SINGLE, np.dtype(np.float16)),
        Dtype(_native.Dtype.bfloat16, True, SINGLE, SINGLE),
        Dtype(_native.Dtype.int8, True, SINGLE, SINGLE),
        Dtype(_native.Dtype.uint8, True, SINGLE, SINGLE),
        Dtype(_native.Dtype.int16, True, SINGLE, SINGLE),
        Dtype(_native.Dtype.uint16, True, SINGLE, SINGLE),
        Dtype(_native.Dtype.int32, False, DOUBLE, DOUBLE),
        Dtype(_native.Dtype.int64, False, DOUBLE, DOUBLE),
        Dtype(_native.Dtype.float8_e4m3fn, True, SINGLE, SINGLE),
        Dtype(_native.Dtype.float8_e5m2, True, SINGLE, SINGLE),
    )
}


def widen(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 values of bfloat16 bit patterns."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def narrow(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The bfloat16 bit patterns nearest to finite float32 values, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def as_bits(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Finite values rounded to a dtype by one step from float32: of those that numpy lacks their bits.

    What is beyond the largest finite number becomes that number.
    """
    if name in ("float64", "float32", "float16"):
        largest = np.finfo(name).max
        with np.errstate(under="ignore"):
            return values if values.dtype == name else np.clip(values, -largest, largest).astype(name)
    singles = values.astype(np.float32, copy=False)
    sizes = _lookup(name)
    if name == "bfloat16":
        largest = sizes[0x7F7F]
        return narrow(np.ascontiguousarray(np.clip(singles, -largest, largest)))
    sizes = sizes[:128][np.isfinite(sizes[:128])]
    middles = (sizes[1:] + sizes[:-1]) / 2  # exact
    magnitudes = np.abs(singles)
    codes = np.searchsorted(middles, magnitudes).astype(np.uint8)
    ties = middles[np.minimum(codes, len(middles) - 1)] == magnitudes
    codes += ties & (codes % 2 == 1)
    return codes | np.signbit(singles).astype(np.uint8) << 7


@cache
def _lookup(name: str) -> NDArray[np.float32]:
    if name == "bfloat16":
        return widen(np.arange(65536, dtype=np.uint16))
    if name.startswith("float8"):
        return _float8(name)
    size = np.dtype(name).itemsize
    return np.arange(256**size, dtype=f"u{size}").view(name).astype(np.float32)


def _float8(name: str) -> NDArray[np.float32]:
    """What each of the 256 bit patterns stands for: e5m2 is the upper half of float16, e4m3fn has no infinity."""
    patterns = np.arange(256, dtype=np.uint16)
    if name == "float8_e5m2":
        return (patterns << np.uint16(8)).view(np.float16).astype(np.float32)
    exponent, fraction = (patterns >> 3 & 15).astype(np.int32), (patterns & 7).astype(np.float32)
    sizes = np.ldexp(fraction + 8 * (exponent > 0), np.maximum(exponent, 1) - 10).astype(np.float32)
    sizes[patterns & 127 == 127] = np.nan
    signed: NDArray[np.float32] = np.where(patterns & 128, -sizes, sizes)
    return signed
