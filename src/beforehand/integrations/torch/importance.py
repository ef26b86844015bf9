"""How much the squared error of each value of a weight counts."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand.integrations.torch.host import torch_for
from beforehand.quantization.foreign import check_values
from beforehand.quantization.inputs import as_weights


def importance_of(
    importance: Any, shape: tuple[int, ...], grouped: tuple[int, ...], axis: int | None, block: int | None
) -> NDArray[np.float64]:
    """How much each value counts; where that is nothing in a whole group, its values count alike.

    Args:
        importance: An array or a tensor that broadcasts to `shape`.
        shape: Of the weight.
        grouped: The shape in which `axis` and `block` form groups, of as many values.
        axis: One group for each index along this axis.
        block: One group for each run of this many values.
    """
    if isinstance(importance, torch_for("importance").Tensor):
        check_values(importance, "importance")
        importance = importance.detach().cpu()
    weights = as_weights(importance, shape, "importance")
    parts = weights.reshape(grouped if block is None else (*grouped[:-1], -1, block))
    across = [each for each in range(len(grouped)) if axis is None or each != axis % len(grouped)]
    own = tuple(across) if block is None else (len(grouped),)
    idle = ~(parts > 0).any(axis=own, keepdims=True)
    if idle.any():
        warnings.warn(
            f"importance is 0 for all values of {np.count_nonzero(idle)} of {idle.size} groups; they count alike there",
            stacklevel=4,
        )
    return np.where(idle, 1.0, parts).reshape(grouped)
