"""Arrays that carry more than numbers: read right where that is plain, refused with the remedy where it is not."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput

CPU = 1  # the device code of DLPack
PLAIN = (("torch", "Tensor"), ("torch.nn.parameter", "Parameter"), ("torch.nn.parameter", "Buffer"))
FAILURES = (TypeError, ValueError, OverflowError, BufferError, NotImplementedError, RuntimeError)


def read(x: Any, name: str) -> tuple[NDArray[Any], str]:
    """The numbers of `x`, not copied where its layout allows, and the name of their dtype; of bfloat16 the bits.

    Raises:
        InvalidInput: `x` is not an array, or one of a kind that is not read: masked, with nulls, not on the CPU, not
            dense, with a gradient, or of a dtype that numpy does not know.
    """
    check_masks(x, name)
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack__") or _is_arrow(x):
        try:
            array = np.asarray(x)
        except FAILURES as error:
            raise InvalidInput(f"{name} is not an array of numbers ({error}); make its rows equally long") from None
        return array, array.dtype.name
    x = plain(x, name)
    try:
        bits = _native.bfloat16_bits(x)  # numpy has no bfloat16, and from_dlpack refuses it
        array = np.from_dlpack(x) if bits is None else bits
    except FAILURES as error:
        dtype = str(getattr(x, "dtype", "unknown")).removeprefix("torch.")
        raise InvalidInput(f"{name} has dtype {dtype} and cannot be read ({error}); convert it first") from None
    return array, "bfloat16" if bits is not None else array.dtype.name


def read_floats(x: Any, subject: str, remedy: str) -> NDArray[np.float64]:
    """A copy of the numbers of `x` in float64; nobody else can change what is checked about it.

    Args:
        x: An array, or what `read` reads.
        subject: Its name with the verb of the message, as "weights are".
        remedy: What to do where it is not numbers.

    Raises:
        InvalidInput: As `read`, or they are not real numbers.
    """
    try:
        array, dtype = read(x, subject.partition(" ")[0])
        if dtype == "bfloat16":
            array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"dtype {dtype}")
        return np.array(array, dtype=np.float64)
    except InvalidInput:
        raise
    except FAILURES as error:
        raise InvalidInput(f"{subject} not an array of numbers ({error}); {remedy}") from None


def check_masks(x: Any, name: str) -> None:
    """Raise if some values of `x` are missing: masked, or null."""
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        hidden = np.count_nonzero(np.ma.getmaskarray(x))
        raise InvalidInput(f"{name} is masked in {hidden} places; pass {name}.compressed(), or fill them")
    nulls = getattr(x, "null_count", 0)  # of Arrow
    if isinstance(nulls, int) and nulls > 0:
        raise InvalidInput(f"{name} has {nulls} nulls; pass {name}.drop_null(), or fill them")


def plain(x: Any, name: str) -> Any:
    """A tensor whose memory is its numbers.

    Raises:
        InvalidInput: Another tensor of that kind has to be made first.
    """
    check_tensor(x, name)
    if _says(x, "is_neg"):  # its memory holds the numbers with the other sign
        x = x.resolve_neg()
    return x


def check_tensor(x: Any, name: str, elsewhere: str = "") -> None:
    """Raise unless `x` is an ordinary tensor whose memory is its numbers, up to their sign, and on the CPU.

    `elsewhere` says what to do about one that is not.
    """
    if hasattr(x, "__torch_function__"):
        check_values(x, name)
    try:
        device = int(x.__dlpack_device__()[0])
    except FAILURES as error:
        raise InvalidInput(f"{name} hands out no memory ({error}); pass an ordinary array") from None
    if device != CPU:
        raise InvalidInput(f"{name} is not on the CPU; {elsewhere or f'pass {name}.cpu()'}")
    if getattr(x, "requires_grad", False):
        raise InvalidInput(f"{name} requires a gradient; pass {name}.detach()")


def check_values(x: Any, name: str) -> None:
    """Raise unless a tensor of torch, on whatever device, holds its own numbers."""
    kind = type(x).__name__
    if hasattr(x, "full_tensor"):
        raise InvalidInput(f"{name} is a {kind}, of which this process holds a part; pass {name}.full_tensor()")
    if hasattr(x, "fake_mode") or _says(x, "is_meta"):
        raise InvalidInput(f"{name} has a shape, but no numbers, as a {kind} on device meta; pass a real tensor")
    if _says(x, "is_nested"):
        raise InvalidInput(f"{name} is nested; pass the tensors in {name}.unbind() one by one")
    if _says(x, "is_quantized"):
        raise InvalidInput(f"{name} is quantized; pass {name}.dequantize()")
    if str(getattr(x, "layout", "torch.strided")) != "torch.strided":
        raise InvalidInput(f"{name} is sparse ({x.layout}); pass {name}.to_dense()")
    if (type(x).__module__, kind) not in PLAIN:
        raise InvalidInput(f"{name} is a {kind}, which may be more than its memory; pass a torch.Tensor of its numbers")


def _says(x: Any, what: str) -> bool:
    answer = getattr(x, what, False)
    return bool(answer() if callable(answer) else answer)


def _is_arrow(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == "pyarrow"
