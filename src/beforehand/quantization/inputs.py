"""How numbers come in: numpy arrays, anything numpy can read, and CPU tensors through DLPack."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput

KEYED = ("float16", "bfloat16", "int8", "uint8", "int16", "uint16")  # few enough values for a table of them all
DTYPES = ("float32", "float64", *KEYED, "int32", "int64")
EXACT_INTEGER = 2**53
CPU = 1  # the device code of DLPack


@dataclass(frozen=True)
class Values:
    """Numbers as kernels read them: plain floats, or unsigned keys into a table of floats."""

    data: NDArray[Any]  # C order; float32, float64, or uint8 or uint16 keys
    table: NDArray[np.float32] | None  # what each key stands for
    dtype: str  # of the source

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the source."""
        return self.data.shape

    @property
    def level_dtype(self) -> np.dtype[Any]:
        """What levels for these values are made of: float32 where it holds every value exactly, else float64."""
        return np.dtype(np.float64 if self.data.dtype == np.float64 else np.float32)


def as_values(x: Any, name: str = "x") -> Values:
    """Read `x` without copying where its layout allows.

    Raises:
        InvalidInput: `x` is no array, is not on the CPU, requires a gradient, or has a dtype that is not of `DTYPES`;
            an integer is beyond 2**53.
    """
    array, dtype = _read(x, name)
    if dtype not in DTYPES:
        raise InvalidInput(f"{name} has dtype {dtype}, but must be one of {', '.join(DTYPES)}; convert it first")
    if dtype in KEYED:
        native = np.require(array, array.dtype.newbyteorder("="), ["C", "A"]).reshape(-1)
        keys = native.view(f"u{array.dtype.itemsize}")
        return Values(keys.reshape(array.shape), _table(dtype), dtype)
    if dtype.startswith("int"):
        if array.size and max(int(array.max()), -int(array.min())) > EXACT_INTEGER:
            raise InvalidInput(
                f"{name} holds an integer beyond 2**53, which float64 cannot hold exactly; scale it down first"
            )
        array = array.astype(np.float64)
    return Values(np.require(array, array.dtype.newbyteorder("="), ["C", "A"]), None, dtype)


def non_empty(values: Values, name: str = "x") -> Values:
    """The same values.

    Raises:
        InvalidInput: There are none.
    """
    if values.data.size == 0:
        raise InvalidInput(f"{name} has shape {values.shape}, but no values; levels need at least one")
    return values


def as_weights(weights: ArrayLike, shape: tuple[int, ...], name: str = "weights") -> NDArray[np.float64]:
    """Read one weight for each value of an array of this shape, flat in C order.

    Raises:
        InvalidInput: A weight is negative, NaN or infinite, or the shapes do not fit.
    """
    try:
        given = np.array(weights, dtype=np.float64)  # a copy: nobody may change what was checked
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"weights are no array of numbers ({error}); pass one weight for each value") from None
    bad = ~np.isfinite(given) | (given < 0)
    if bad.any():
        raise InvalidInput(
            f"{name} hold {given[bad].flat[0]}, but must be finite and at least 0; mend or drop these values"
        )
    try:
        spread = np.broadcast_to(given, shape)
    except ValueError:
        raise InvalidInput(f"{name} have shape {given.shape}, but must be broadcastable to {shape}") from None
    return np.ascontiguousarray(spread).reshape(-1)


def whole(name: str, number: int) -> int:
    """The number, which must be whole.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(number, int | np.integer):
        raise InvalidInput(f"{name} is {number!r}, but must be a whole number")
    return int(number)


def widen(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 values of bfloat16 bit patterns."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def narrow(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The bfloat16 bit patterns nearest to finite float32 values, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


@cache
def _table(dtype: str) -> NDArray[np.float32]:
    if dtype == "bfloat16":
        return widen(np.arange(65536, dtype=np.uint16))
    size = np.dtype(dtype).itemsize
    return np.arange(256**size, dtype=f"u{size}").view(dtype).astype(np.float32)


def _read(x: Any, name: str) -> tuple[NDArray[Any], str]:
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack__"):
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise InvalidInput(f"{name} is no array ({error}); make its rows equally long") from None
        return array, array.dtype.name
    if int(x.__dlpack_device__()[0]) != CPU:
        raise InvalidInput(f"{name} is not on the CPU; pass {name}.cpu()")
    if getattr(x, "requires_grad", False):
        raise InvalidInput(f"{name} requires a gradient; pass {name}.detach()")
    bits = _native.bfloat16_bits(x)  # numpy has no bfloat16, and from_dlpack refuses it
    if bits is not None:
        return bits, "bfloat16"
    array = np.from_dlpack(x)
    return array, array.dtype.name
