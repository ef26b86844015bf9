"""A weight as packed codes, levels and scales: plain tensors, whose shapes say how they were made.

The weight is seen as a matrix: its first axis, by all others. `codes`, uint8, are rows of whole bytes, the first code
in the lowest bits, each of 1, 2, 4 or 8 bits. `levels` have two axes that count tables, and one of `2**bits` levels.
`scales`, if there are any, are a row of numbers for each row of the matrix, one for each block.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import quantization
from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch.host import torch_for
from beforehand.quantization.inputs import Values
from beforehand.quantization.options import SCALED_BLOCK, whole

Parts = dict[str, Any]  # tensors by the names "codes", "levels" and "scales"
WIDTHS = (1, 2, 4, 8)  # bits of a code, of which a byte holds a whole number


def packed_scaled(values: Values, shape: tuple[int, ...], n_levels: int, block: int | None, weight: Any) -> Parts:
    """The parts of a weight whose blocks have a scale each, of its values as a matrix of that shape."""
    count, columns = shape
    wanted = SCALED_BLOCK if block is None else whole("block", block)
    if wanted < 8 or wanted % 8:
        raise InvalidInput(f"block is {block}, but must be a multiple of 8 where blocks have scales")
    blocks = -(-columns // wanted)
    table = quantization.levels(values, n_levels, method="scaled", objective="mse", block=block_length(columns, blocks))
    codes = quantization.encode(values, table)
    scales = np.zeros((count, blocks)) if codes.scales is None else codes.scales.reshape(count, blocks)
    levels, halves = _balanced(np.asarray(codes.levels, np.float64), scales, str(weight.dtype) == "torch.float16")
    parts = _parts(codes.indices(), levels.reshape(1, 1, -1), n_levels, weight)
    return parts | {"scales": torch_for("quantize_layers").from_numpy(halves).to(weight.device)}


def packed_tables(
    values: Values,
    shape: tuple[int, ...],
    n_levels: int,
    axis: int | None,
    block: int | None,
    importance: NDArray[np.float64] | None,
    weight: Any,
) -> Parts:
    """The parts of a weight whose groups have a codebook each, of its values as a matrix of that shape."""
    rows, columns = shape
    table = quantization.levels(
        values, n_levels, method="exact", objective="mse", weights=importance, axis=axis, block=block
    )
    codes = quantization.encode(values, table).indices()
    grid = rows if block or axis in (0, -2) else 1, columns // block if block else columns if axis in (1, -1) else 1
    return _parts(codes, table.values.reshape(*grid, -1), n_levels, weight)


def unpacked(parts: Parts, shape: tuple[int, ...]) -> Any:
    """The decoded weight, in the dtype of its levels."""
    torch = torch_for("a quantized layer")
    codes, levels, scales = parts["codes"], parts["levels"], parts.get("scales")
    rows, columns = shape[0], math.prod(shape[1:])
    bits = levels.shape[2].bit_length() - 1
    shifts = torch.arange(0, 8, bits, device=codes.device, dtype=torch.uint8)
    if levels.shape[:2] == (1, 1):  # what each byte stands for, so that one look-up decodes all of its codes
        every = torch.arange(256, device=codes.device, dtype=torch.uint8)
        found = levels[0, 0][((every[:, None] >> shifts) & (levels.shape[2] - 1)).long()]
        values = torch.nn.functional.embedding(codes.int(), found).flatten(1)[:, :columns]
    else:
        down, across = levels.shape[:2]
        each = ((codes[:, :, None] >> shifts) & (levels.shape[2] - 1)).flatten(1)[:, :columns].long()
        each = each.reshape(down, rows // down, across, columns // across).transpose(1, 2)
        values = levels.gather(2, each.flatten(2)).view(each.shape).transpose(1, 2).reshape(rows, columns)
    if scales is not None:
        block = block_length(columns, scales.shape[1])
        if block * scales.shape[1] == columns:
            values = values.reshape(rows, scales.shape[1], block) * scales[:, :, None]
        else:
            values = values * scales.repeat_interleave(block, dim=1)[:, :columns]
    return values.to(levels.dtype).reshape(shape)


def check_parts(parts: Parts, shape: tuple[int, ...], name: str) -> None:
    """Raise unless these tensors are a weight of that shape.

    Raises:
        InvalidInput: They are not.
    """
    rows, columns = shape[0], math.prod(shape[1:])
    codes, levels, scales = parts["codes"], parts.get("levels"), parts.get("scales")
    if levels is None or levels.dim() != 3 or levels.shape[2].bit_length() - 1 not in WIDTHS:
        found = None if levels is None else tuple(levels.shape)
        raise InvalidInput(f"{name}_levels have shape {found}, but must have three axes, the last of 2, 4, 16 or 256")
    bits = levels.shape[2].bit_length() - 1
    down, across = levels.shape[:2]
    fits = {
        "codes": str(codes.dtype) == "torch.uint8" and tuple(codes.shape) == (rows, -(-columns * bits // 8)),
        "levels": 2**bits == levels.shape[2] and down in (1, rows) and across > 0 and columns % across == 0,
        "scales": scales is None
        or (scales.dim() == 2 and len(scales) == rows and 1 <= scales.shape[1] <= -(-columns // 8)),
    }
    for part, right in fits.items():
        if not right:
            raise InvalidInput(
                f"{name}_{part} have shape {tuple(parts[part].shape)} and dtype {parts[part].dtype}, which does not "
                f"fit a weight of shape {shape}; pass the state of a model of the same architecture"
            )
    for part in ("levels", "scales"):
        tensor = parts.get(part)
        if tensor is not None and not (tensor.is_floating_point() and bool(tensor.isfinite().all())):
            raise InvalidInput(f"{name}_{part} are not finite floats; pass what state_dict() returned")


def block_length(columns: int, blocks: int) -> int:
    """How many values share a scale where a row has so many scales: as equal as multiples of 8 can be."""
    return 8 * -(-columns // (8 * blocks))


def _parts(codes: NDArray[Any], levels: NDArray[Any], n_levels: int, weight: Any) -> Parts:
    """Codes and levels as tensors on the device of the weight."""
    torch = torch_for("quantize_layers")
    bits = next(width for width in WIDTHS if 2**width >= n_levels)
    levels = np.pad(levels, ((0, 0), (0, 0), (0, 2**bits - levels.shape[2])), mode="edge")
    each = 8 // bits
    rows = np.pad(codes.astype(np.uint8), ((0, 0), (0, -codes.shape[1] % each))).reshape(len(codes), -1, each)
    packed = np.bitwise_or.reduce(rows << np.arange(0, 8, bits, dtype=np.uint8), axis=2)
    return {
        "codes": torch.from_numpy(packed).to(weight.device),
        "levels": torch.from_numpy(levels).to(weight.device, weight.dtype),
    }


def _balanced(
    levels: NDArray[np.float64], scales: NDArray[np.float64], narrow: bool
) -> tuple[NDArray[np.float64], NDArray[np.float16]]:
    """The same products of levels and scales with levels from 1/2 to 1, which float16 holds; else as they are."""
    exponent = math.frexp(float(abs(levels).max()))[1]
    with np.errstate(over="ignore"):
        moved = np.ldexp(scales, exponent)
        halves = np.clip(moved, -65504, 65504).astype(np.float16)
    if narrow or bool((halves == moved).all()):
        return np.ldexp(levels, -exponent), halves
    return levels, scales.astype(np.float16)
