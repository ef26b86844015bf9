"""How numbers come in, and where results go: numpy arrays, what numpy can read, and CPU tensors through DLPack."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.dtypes import DTYPES, Dtype
from beforehand.quantization.foreign import FAILURES, check_tensor, plain, read, read_floats

EXACT_INTEGER = 2**53


class Tensor(Protocol):
    """Whatever hands out its memory through DLPack, as tensors of torch and jax do."""

    @property
    def __dlpack__(self) -> Callable[..., Any]:
        """Hand out the memory."""

    def __dlpack_device__(self) -> tuple[Any, Any]:
        """Where the memory is."""


@final
@dataclass(frozen=True, eq=False)
class Values:
    """Numbers as kernels read them: floats, integers, or unsigned keys into a table of floats."""

    data: NDArray[Any]  # C order; float32, float64, int32, int64, or uint8 or uint16 keys
    dtype: Dtype  # of the source
    native: _native.Values

    @property
    def floats(self) -> NDArray[Any]:
        """The numbers themselves, in the dtype of their levels."""
        lookup = self.dtype.lookup
        return self.data.astype(self.dtype.levels, copy=False) if lookup is None else lookup[self.data]


Numbers: TypeAlias = ArrayLike | Tensor | Values


def as_values(x: Numbers, name: str = "x") -> Values:
    """Read `x` without copying where its layout allows; what was read already stays as it is.

    Raises:
        InvalidInput: `x` is not an array, is not on the CPU, requires a gradient, or has a dtype that is not one of
            `DTYPES`; an integer is beyond 2**53.
    """
    if isinstance(x, Values):
        return x
    return as_values_of(*read(x, name), name)


def as_values_of(array: NDArray[Any], dtype_name: str, name: str = "x") -> Values:
    """Numbers of a dtype by its name; of those that numpy lacks their bits, as unsigned integers.

    Raises:
        InvalidInput: As `as_values`.
    """
    dtype = DTYPES.get(dtype_name)
    if dtype is None:
        raise InvalidInput(f"{name} has dtype {dtype_name}, but must be one of {', '.join(DTYPES)}; convert it first")
    if dtype_name in ("int32", "int64"):
        if array.size and max(int(array.max()), -int(array.min())) > EXACT_INTEGER:
            raise InvalidInput(
                f"{name} contains an integer beyond 2**53, which float64 cannot hold exactly; scale it down first"
            )
    data = np.require(array, array.dtype.newbyteorder("="), ["C", "A"])
    if not dtype.keyed:
        return Values(data, dtype, _native.Values(data.reshape(-1)))
    keys = data.reshape(-1).view(f"u{data.itemsize}")
    return Values(keys.reshape(data.shape), dtype, _native.Values(keys, dtype.lookup))


def non_empty(x: Numbers, name: str = "x") -> Values:
    """Read `x`, which must have at least one value.

    Raises:
        InvalidInput: It does not, or cannot be read.
    """
    values = as_values(x, name)
    if values.data.size == 0:
        raise InvalidInput(f"{name} has shape {values.data.shape}, but no values; levels need at least one")
    return values


def as_weights(weights: ArrayLike, shape: tuple[int, ...], name: str = "weights") -> NDArray[np.float64]:
    """Read one weight for each value of an array of this shape, flat in C order.

    Raises:
        InvalidInput: A weight is negative, NaN or infinite, or the shapes do not fit.
    """
    given = read_floats(weights, f"{name} are", "pass one weight for each value")
    bad = ~np.isfinite(given) | (given < 0)
    if bad.any():
        raise InvalidInput(
            f"{name} contain {given[bad].flat[0]}, but must be finite and at least 0; fix or drop these values"
        )
    try:
        spread = np.broadcast_to(given, shape)
    except ValueError:
        raise InvalidInput(f"{name} have shape {given.shape}, but must be broadcastable to {shape}") from None
    return np.ascontiguousarray(spread).reshape(-1)


def as_target(out: Any, shape: tuple[int, ...], dtype: Dtype) -> tuple[NDArray[Any], bool]:
    """`out` as an array to write decoded values of that dtype to, and whether it holds bfloat16.

    Raises:
        InvalidInput: It cannot be written to, or does not have that shape and dtype.
    """
    if not hasattr(out, "__dlpack__"):  # arrays have it too
        raise InvalidInput(f"out is a {type(out).__name__}, but must be an array or a tensor with __dlpack__")
    if not isinstance(out, np.ndarray):
        check_tensor(out, "out", elsewhere="leave it out and move the result")
        if plain(out, "out") is not out:
            raise InvalidInput("out holds its numbers with the other sign; pass a tensor made by torch.empty()")
    elif isinstance(out, np.ma.MaskedArray):
        raise InvalidInput("out is masked, but values have no mask; pass out.data")
    try:
        target = out if isinstance(out, np.ndarray) else _native.writable(out)
        half = target is not out and _native.bfloat16_bits(out) is not None
        fits = target.flags.c_contiguous and target.flags.writeable and target.flags.aligned
    except FAILURES:  # what the binding says of memory that it may not write to
        fits = False
    if not fits:
        raise InvalidInput("out must be contiguous, aligned and writable; leave it out and copy the result")
    wanted = np.dtype(np.uint16) if half and dtype.name == "bfloat16" else dtype.decoded
    if target.shape != shape or target.dtype != wanted or half != (wanted == np.uint16):
        given = "bfloat16" if half else target.dtype
        raise InvalidInput(f"out has shape {target.shape} and dtype {given}, but must have {shape} and {dtype.decoded}")
    return target, half
