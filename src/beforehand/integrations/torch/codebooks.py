"""Codebooks for weights by exact k-means, as torchao tensors."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beforehand import quantization
from beforehand.core.deprecation import renamed_arguments, warn_renamed
from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.integrations.torch.importance import importance_of
from beforehand.quantization.foreign import check_values
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import as_values
from beforehand.quantization.options import whole

if TYPE_CHECKING:
    import torch
    from torchao.prototype.quantization.codebook_coreml import CodebookQuantizedTensor

MOST_LEVELS = 256  # torchao keeps each code in a byte
WEIGHT_DTYPES = ("float32", "float16", "bfloat16")  # what torchao turns codes back into


@renamed_arguments(levels="n_levels")
def codebook(
    weight: "torch.Tensor",
    n_levels: int = 16,
    *,
    axis: int | None = None,
    block: int | None = None,
    importance: Any = None,
) -> "CodebookQuantizedTensor":
    """Turn a weight into codes and the codebook with the smallest error, as a torchao tensor.

    Args:
        weight: float32, float16 or bfloat16, of any shape, on any device; its gradient is not followed.
        n_levels: How many levels a codebook has, 2 to 256.
        axis: One codebook for each index along this axis: 0 for each row of a linear layer, that is, for each output.
        block: One codebook for each run of this many values along the last axis, whose length it must divide.
        importance: How much the squared error of each value counts, broadcastable to `weight`: finite, at least 0.
            The mean square of each input, `(in_features,)`, makes the error of a linear layer's outputs the one that
            counts, as far as inputs are not correlated. Where it is 0 throughout a group, the group's values count
            alike, and a warning says how many groups these are.

    Returns:
        torchao's `prototype.quantization.codebook_coreml.CodebookQuantizedTensor`, of the shape, dtype and device of
        `weight`. Its `codes` are uint8 in the shape of `weight`. Its `codebook`, float32, has one axis for each axis of
        `weight`, which count the codebooks, then `2**bits` levels (in ascending order, the last one repeated as often
        as needed) and an axis of length 1. Its `block_size` says which values share a codebook, with -1 for a whole
        axis; its `code_dtype` says how many bits a code needs.

    Guarantee:
        No codebooks of `n_levels` have a smaller (weighted) squared error: this is exact 1-D k-means, the same on every
        machine. Rounding to the nearest level is biased, which is right for weights, since they are never averaged.

    Cost:
        That of `levels` with the method "exact", which for float16 and bfloat16 counts values instead of sorting them,
        and that of `encode`; on one thread of the CPU.

    Raises:
        MissingDependency: torch or torchao is not installed.
        InvalidInput: `weight` is empty, contains NaN or infinity, has another dtype, or is quantized, distributed or
            without values; an option breaks its rule.

    Example:
        A codebook for each output of a linear layer, and the decoded weight::

            made = codebook(linear.weight, 16, axis=0)
            made.codes.shape, made.codebook.shape  # (out, in), (out, 1, 16, 1)
            made.dequantize()

    Reference:
        torchao 0.18, `torchao.prototype.quantization.codebook_coreml`, whose layout this is.
    """
    torch, tensor = _host()
    if isinstance(weight, tensor) or not isinstance(weight, torch.Tensor):
        raise InvalidInput(f"weight is a {type(weight).__name__}, but must be an ordinary tensor; pass its floats")
    check_values(weight, "weight")
    name = str(weight.dtype).removeprefix("torch.")
    if name not in WEIGHT_DTYPES:
        raise InvalidInput(f"weight has dtype {name}, but must be one of {', '.join(WEIGHT_DTYPES)}; convert it first")
    if not 2 <= whole("n_levels", n_levels) <= MOST_LEVELS:
        raise InvalidInput(f"n_levels is {n_levels}, but must be from 2 to {MOST_LEVELS}, so that a code fits a byte")
    if block is not None and whole("block", block) > 0 and weight.shape[-1] % block:
        raise InvalidInput(f"block is {block}, but must divide {weight.shape[-1]}, the length of the last axis")
    shape = tuple(weight.shape)
    grouping(shape, axis, block)  # raises where they do not fit
    counted = None if importance is None else importance_of(importance, shape, shape, axis, block)
    values = as_values(weight.detach().cpu(), "weight")
    table = quantization.levels(
        values, n_levels, method="exact", objective="mse", weights=counted, axis=axis, block=block
    )
    codes = quantization.encode(values, table).indices()
    bits = (n_levels - 1).bit_length()
    sizes = _block_sizes(len(shape), axis, block)
    return tensor(
        torch.from_numpy(codes).to(weight.device),
        torch.from_numpy(_padded(table.values, bits).reshape(*_grid(shape, sizes), 2**bits, 1)).to(weight.device),
        getattr(torch, f"uint{bits}"),
        sizes,
        weight.shape,
        dtype=weight.dtype,
    )


@renamed_arguments(levels="n_levels")
def quantize_linear(
    linear: "torch.nn.Linear",
    n_levels: int = 16,
    *,
    axis: int | None = None,
    block: int | None = None,
    importance: Any = None,
) -> None:
    """The old name of `quantize_layers(linear, n_levels, method="exact")`: a torchao tensor as the weight, in place.

    Args:
        linear: The layer, or any module whose `weight` torchao can decode, such as an embedding.
        n_levels: As in `codebook`.
        axis: As in `codebook`.
        block: As in `codebook`.
        importance: As in `codebook`.

    Guarantee:
        The layer computes what it would with the decoded weight; the weight is no longer trained.

    Cost:
        That of `codebook`, and in each forward pass that of torchao's lookup.

    Raises:
        MissingDependency: torch or torchao is not installed.
        InvalidInput: As `codebook` does, or the layer is a convolution, parametrized, pruned or quantized already; it
            is then unchanged.
    """
    warn_renamed("quantize_linear(layer)", "quantize_layers(layer, method='exact')", stacklevel=4)
    torch, tensor = _host()
    weight = getattr(linear, "weight", None)
    kind = type(linear).__name__
    if torch.nn.utils.parametrize.is_parametrized(linear, "weight"):
        raise InvalidInput(
            f"the weight of this {kind} is computed from others; call "
            'torch.nn.utils.parametrize.remove_parametrizations(linear, "weight") first'
        )
    if isinstance(weight, tensor) or isinstance(getattr(weight, "data", None), tensor):
        raise InvalidInput(f"the weight of this {kind} is quantized already; start from its floats")
    if not isinstance(weight, torch.nn.Parameter):
        raise InvalidInput(
            f"the weight of this {kind} is not a parameter, as where it is pruned; call "
            'torch.nn.utils.prune.remove(linear, "weight") first'
        )
    if weight.dim() != 2:
        raise InvalidInput(
            f"the weight of this {kind} has {weight.dim()} axes, but torchao looks up two, as in linear layers and "
            "embeddings; call codebook() for the tensor alone"
        )
    made = codebook(weight, n_levels, axis=axis, block=block, importance=importance)
    linear.weight = torch.nn.Parameter(made, requires_grad=False)


def _host() -> tuple[Any, Any]:
    """torch, and torchao's tensor with several codebooks."""
    try:
        import torch
        from torchao.prototype.quantization.codebook_coreml import CodebookQuantizedTensor
    except ImportError as error:
        raise MissingDependency("codebooks need torch and torchao; pip install 'beforehand[torch]'") from error
    return torch, CodebookQuantizedTensor


def _block_sizes(axes: int, axis: int | None, block: int | None) -> list[int]:
    """How far along each axis values share a codebook; -1 for all of it."""
    if block is not None:
        return [1] * (axes - 1) + [block]
    sizes = [-1] * axes
    if axis is not None:
        sizes[axis] = 1
    return sizes


def _grid(shape: tuple[int, ...], sizes: list[int]) -> list[int]:
    """How many codebooks there are along each axis."""
    return [1 if size == -1 else length // size for length, size in zip(shape, sizes, strict=True)]


def _padded(tables: NDArray[Any], bits: int) -> NDArray[Any]:
    """The tables, one a row, with as many levels as codes of that many bits can name."""
    rows = tables.reshape(-1, tables.shape[-1])
    return np.pad(rows, ((0, 0), (0, 2**bits - rows.shape[1])), mode="edge")
