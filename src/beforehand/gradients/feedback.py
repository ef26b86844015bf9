"""What a round did not send, added to the next one: error feedback, kept by parameter."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Floats
from beforehand.gradients.layout import Layout


@final
class Feedback:
    """One worker's unsent remainder of one bucket, `rest`, in units of the gradient without a loss scale."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.rest = np.zeros(layout.size, np.float32)

    def added(self, gradient: Floats, loss_scale: float) -> Floats:
        """The gradient with what was left of earlier rounds, in memory of its own."""
        with np.errstate(over="ignore", invalid="ignore"):  # a sum that is not finite makes its round exact
            if loss_scale == 1:
                return gradient + self.rest
            return gradient + np.float32(loss_scale) * self.rest

    def keep(self, rest: Floats, loss_scale: float) -> None:
        """Remember what was not sent of what `added` returned; `rest` becomes the feedback's own."""
        if loss_scale != 1:
            rest /= np.float32(loss_scale)
        self.rest = rest

    def state(self) -> dict[str, NDArray[Any]]:
        """By parameter, in its shape."""
        shapes = dict(self._layout.tensors)
        return {
            f"feedback/{name}": self.rest[where].reshape(shapes[name]).copy()
            for name, where in self._layout.slices.items()
        }

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` holds of these parameters; what it lacks is zero.

        Raises:
            InvalidInput: A parameter has another shape now.
        """
        shapes = dict(self._layout.tensors)
        for name, where in self._layout.slices.items():
            kept = state.get(f"feedback/{name}")
            if kept is not None and kept.shape != shapes[name]:
                raise InvalidInput(f"feedback of {name} has shape {kept.shape}, but the parameter {shapes[name]}")
            self.rest[where] = 0 if kept is None else kept.reshape(-1)
