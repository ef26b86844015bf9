"""Layers that keep a weight as packed codes, and decode it whenever it is read."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.packed_weights import Parts, unpacked

PARTS = ("codes", "levels", "scales")
SHAPES = "_packed_shapes"  # of a layer: the shape of each weight that it keeps as codes


def weight_names(layer: Any) -> list[str]:
    """The weights of a layer that can be quantized; none of what is no linear, convolutional or recurrent layer."""
    nn = torch_for("quantize_layers").nn
    if isinstance(layer, nn.Linear | nn.Embedding | nn.EmbeddingBag | nn.modules.conv._ConvNd):
        return ["weight"]
    if isinstance(layer, nn.RNNCellBase):
        return ["weight_ih", "weight_hh"]
    return _recurrent_names(layer) if isinstance(layer, nn.RNNBase) else []


def is_packed(layer: Any) -> bool:
    """Whether some weights of this layer are codes."""
    return SHAPES in vars(layer)


def parts_of(layer: Any, name: str) -> Parts:
    """The tensors that a weight is kept as."""
    found = {part: layer._buffers.get(f"{name}_{part}") for part in PARTS}
    return {part: tensor for part, tensor in found.items() if tensor is not None}


def pack_layer(layer: Any, weights: dict[str, Parts]) -> None:
    """Replace weights of a layer by their parts, which become buffers."""
    shapes = {name: tuple(getattr(layer, name).shape) for name in weights}
    for name, parts in weights.items():
        del layer._parameters[name]
        for part, tensor in parts.items():
            layer.register_buffer(f"{name}_{part}", tensor)
    setattr(layer, SHAPES, shapes)
    vars(layer).pop("_flat_weights", None)  # where recurrent layers keep their floats a second time
    layer.__class__ = _packed_class(layer.__class__, tuple(weights))


@cache
def _packed_class(kind: Any, names: tuple[str, ...]) -> Any:
    """The class of such layers that decodes these weights."""
    nn = torch_for("a quantized layer").nn
    members: dict[str, Any] = {name: property(partial(_decoded, name=name)) for name in names}
    members |= {"__reduce_ex__": _reduced, "__module__": __name__, "__doc__": kind.__doc__}
    if issubclass(kind, nn.RNNBase):
        members |= {
            "_flat_weights": property(_all_decoded, _ignore),
            "_weights_have_changed": _unchanged,
            "flatten_parameters": _ignore,
        }
    if issubclass(kind, nn.Embedding):
        members["forward"] = _lookup(kind.forward)
    return type(f"Packed{kind.__name__}", (kind,), members)


def _decoded(layer: Any, name: str) -> Any:
    return unpacked(parts_of(layer, name), vars(layer)[SHAPES][name])


def _recurrent_names(layer: Any) -> list[str]:
    return [name for name in layer._flat_weights_names if name.startswith("weight")]


def _all_decoded(layer: Any) -> list[Any]:
    """What a recurrent layer computes with; made anew each time, so that no floats are kept."""
    return [getattr(layer, name) for name in layer._flat_weights_names]


def _ignore(layer: Any, value: Any = None) -> None:
    """There are no floats to be kept, nor to be moved into one piece of memory."""


def _unchanged(layer: Any) -> bool:
    return False


def _lookup(plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The forward pass of an embedding, which decodes the rows that are looked up, and no others."""

    def forward(layer: Any, input: Any) -> Any:
        if layer.max_norm is not None:  # which changes rows on the way
            return plain(layer, input)
        rows = input.reshape(-1)
        parts = parts_of(layer, "weight")
        several = {part: len(tensor) > 1 or part != "levels" for part, tensor in parts.items()}
        chosen = {part: tensor.index_select(0, rows) if several[part] else tensor for part, tensor in parts.items()}
        return unpacked(chosen, (len(rows), layer.embedding_dim)).reshape(*input.shape, layer.embedding_dim)

    return forward


def _reduced(layer: Any, protocol: Any) -> Any:
    """How a layer of a class that is made as needed is copied and pickled."""
    return _rebuilt, (type(layer).__bases__[0], tuple(vars(layer)[SHAPES])), layer.__getstate__()


def _rebuilt(kind: Any, names: tuple[str, ...]) -> Any:
    made = _packed_class(kind, names)
    return made.__new__(made)
