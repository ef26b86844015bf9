"""Layers of a model whose weights are packed codes, in memory and in the state dict."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.importance import importance_of
from beforehand.integrations.torch.packed_layers import PARTS, is_packed, pack_layer, weight_names
from beforehand.integrations.torch.packed_weights import Parts, check_parts, packed_scaled, packed_tables
from beforehand.quantization.foreign import check_values
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import as_values
from beforehand.quantization.options import whole

if TYPE_CHECKING:
    import torch

MOST_LEVELS = 256  # a code is at most a byte
WEIGHT_DTYPES = ("float32", "float16", "bfloat16")


def quantize_layers(
    module: "torch.nn.Module",
    n_levels: int = 16,
    *,
    method: Literal["scaled", "exact"] = "scaled",
    axis: int | None = None,
    block: int | None = None,
    importance: Any = None,
) -> list[str]:
    """Replace the weights of a layer, or of all layers of a model, by packed codes, in place.

    Args:
        module: A linear layer, a convolution (transposed or not), an embedding (or a bag), a recurrent layer or cell
            (LSTM, GRU, RNN), or a module with such layers in it, which are all taken. Biases, norms, what multi-head
            attention keeps as `in_proj_weight`, and all other modules stay as they are.
        n_levels: How many levels, 2 to 256. A code takes 1 bit for 2, 2 bits for up to 4, 4 bits for up to 16, else 8.
        method: "scaled" gives each block of a row a float16 scale, and all blocks one table: the smallest error for
            the bytes. "exact" gives each group of values the codebook with the smallest error.
        axis: With "exact", one codebook for each row (0) or column (1); a row has all weights of one index of the
            first axis.
        block: With "scaled" at most how many values of a row share a scale, a multiple of 8, 64 by default; a row is
            cut into blocks as equal as that allows. With "exact", one codebook for each run of so many values of a
            row, whose length it must divide.
        importance: With "exact" and one weight only, how much the squared error of each value counts, as in
            `codebook`.

    Returns:
        The names of the weights that are codes now, as they were in `module.state_dict()`.

    Guarantee:
        Each layer computes what it would with the decoded weight, which `layer.weight` returns; it is rounded to the
        nearest level, and no longer trained. The state dict has plain tensors, `weight_codes` (uint8), `weight_levels`
        and, with "scaled", `weight_scales`, which `torch.save`, `torch.load(weights_only=True)` and safetensors keep;
        `load_layers` reads it. Layers that share a weight share its codes. Where an error is raised, nothing has
        changed.

    Cost:
        That of `levels` and `encode` on one thread of the CPU. 4 bits a weight, and 16 for each block, with 16 levels
        and "scaled": 4.25 in rows of a multiple of 64. Each forward pass decodes the weights it uses; an embedding, the
        rows that are looked up.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: There is no such layer; a weight is empty, has NaN or infinity, has another dtype than float32,
            float16 and bfloat16, or is parametrized, pruned, distributed or quantized already; an option breaks its
            rule.

    Example:
        A model to a file, and back::

            quantize_layers(model)
            safetensors.torch.save_file(model.state_dict(), "model.safetensors")

            model = Model()
            load_layers(model, safetensors.torch.load_file("model.safetensors"))
    """
    torch = torch_for("quantize_layers")
    if not isinstance(module, torch.nn.Module):
        raise InvalidInput(f"module is a {type(module).__name__}, but must be a torch.nn.Module")
    _check_options(n_levels, method, axis, block, importance)
    found = [(path, layer, name) for path, layer in module.named_modules() for name in weight_names(layer)]
    if not found:
        raise InvalidInput(
            f"this {type(module).__name__} has no linear, convolutional, embedding or recurrent layer; pass one "
            "that has"
        )
    if importance is not None and len(found) > 1:
        raise InvalidInput(f"importance is of one weight, but there are {len(found)}; pass the layers one by one")
    done: dict[int, Parts] = {}
    for path, layer, name in found:
        weight = _weight(layer, name, path)
        if id(weight) not in done:
            try:
                done[id(weight)] = _packed(weight, n_levels, method, axis, block, importance)
            except InvalidInput as error:
                raise InvalidInput(f"{_joined(path, name)}: {error}") from error
    for layer in {id(each): each for _, each, _ in found}.values():
        pack_layer(layer, {name: done[id(layer._parameters[name])] for name in weight_names(layer)})
    return [_joined(path, name) for path, _, name in found]


def load_layers(module: "torch.nn.Module", state: "Mapping[str, torch.Tensor]") -> None:
    """Load the state dict of a model with quantized layers into one of the same architecture.

    Args:
        module: The model, with weights that are floats, codes already, or on the device "meta"; in the end those are
            codes that are codes in `state`.
        state: What `state_dict()` returned, from `torch.load(weights_only=True)` or safetensors. Of layers that share
            a weight it may name one only, as `safetensors.torch.save_model` leaves it.

    Guarantee:
        The model then computes exactly what the saved one did. Tensors go to the device and the dtype that the
        module's have.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: Codes, levels or scales do not fit the shape of their weight, or are not finite; the module is
            unchanged.
        RuntimeError: From torch, where keys are missing or unexpected.
    """
    torch = torch_for("load_layers")
    state = dict(state)
    planned: list[tuple[Any, str, Parts]] = []
    shared: dict[int, Parts] = {}
    weights = [(path, layer, name) for path, layer in module.named_modules() for name in weight_names(layer)]
    weights = [(path, layer, name) for path, layer, name in weights if not is_packed(layer)]
    for path, layer, name in weights:
        key, weight = _joined(path, name), layer._parameters.get(name)
        given = {part: state[f"{key}_{part}"] for part in PARTS if f"{key}_{part}" in state}
        if "codes" in given and weight is not None:
            check_parts(given, tuple(weight.shape), key)
            shared.setdefault(id(weight), {part: _like(part, tensor, weight) for part, tensor in given.items()})
    for path, layer, name in weights:
        parts = shared.get(id(layer._parameters.get(name)))
        if parts is not None:
            planned.append((layer, name, parts))
            state |= {f"{_joined(path, name)}_{part}": tensor for part, tensor in parts.items()}
    meta = any(each.is_meta for each in module.parameters())
    layers = {id(layer): layer for layer, _, _ in planned}
    for number, layer in layers.items():
        pack_layer(layer, {name: parts for each, name, parts in planned if id(each) == number})
    with torch.no_grad():
        module.load_state_dict(state, assign=meta)


def _check_options(n_levels: int, method: str, axis: int | None, block: int | None, importance: Any) -> None:
    if method not in ("scaled", "exact"):
        raise InvalidInput(f"method is {method!r}, but must be 'scaled' or 'exact'")
    if not 2 <= whole("n_levels", n_levels) <= MOST_LEVELS:
        raise InvalidInput(f"n_levels is {n_levels}, but must be from 2 to {MOST_LEVELS}, so that a code fits a byte")
    if method == "scaled" and (axis is not None or importance is not None):
        raise InvalidInput("axis or importance are given, but scaled blocks have neither; pass method='exact'")


def _weight(layer: Any, name: str, path: str) -> Any:
    """The parameter of that name.

    Raises:
        InvalidInput: It is none, or none that can be quantized.
    """
    torch = torch_for("quantize_layers")
    where = f"the weight {_joined(path, name)} of this {type(layer).__name__}"
    if is_packed(layer):
        raise InvalidInput(f"{where} is quantized already; start from its floats")
    if torch.nn.utils.parametrize.is_parametrized(layer, name):
        raise InvalidInput(
            f"{where} is computed from others; call torch.nn.utils.parametrize.remove_parametrizations first"
        )
    weight = layer._parameters.get(name)
    if weight is None:
        raise InvalidInput(
            f"{where} is not a parameter, as where it is pruned or normed by torch's older functions; make it one, as "
            "torch.nn.utils.prune.remove does"
        )
    check_values(weight, _joined(path, name))
    dtype = str(weight.dtype).removeprefix("torch.")
    if dtype not in WEIGHT_DTYPES:
        raise InvalidInput(
            f"{where} has dtype {dtype}, but must be one of {', '.join(WEIGHT_DTYPES)}; convert it first"
        )
    return weight


def _packed(weight: Any, n_levels: int, method: str, axis: int | None, block: int | None, importance: Any) -> Parts:
    """The parts of a weight, as a matrix of its first axis by all others."""
    matrix = weight.detach().reshape(len(weight), -1).cpu()
    values, shape = as_values(matrix, "weight"), tuple(matrix.shape)
    if method == "scaled":
        return packed_scaled(values, shape, n_levels, block, weight)
    if block is not None and whole("block", block) > 0 and shape[1] % block:
        raise InvalidInput(f"block is {block}, but must divide {shape[1]}, the number of values in a row")
    grouping(shape, axis, block)  # raises where they do not fit
    counted = None
    if importance is not None:
        counted = importance_of(importance, tuple(weight.shape), shape, axis, block)
    return packed_tables(values, shape, n_levels, axis, block, counted, weight)


def _like(part: str, tensor: Any, weight: Any) -> Any:
    """A copy of a part of the state where the weight is; levels take its dtype."""
    if weight.is_meta:
        return tensor
    return tensor.to(weight.device, weight.dtype if part == "levels" else tensor.dtype, copy=True)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
