"""A length probe as vLLM's worker runs it: in torch, on the device that holds the states."""

from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.serving.predictors.length_probe import LengthProbe

PADDED: Final = 64  # rows of the buffers at first


@final
class ProbeHead:
    """Probabilities of remaining tokens for some rows of hidden states.

    Args:
        probe: The probe.
        device: Where the states are.
        torch: The module.

    Guarantee:
        The same numbers as `probe.probabilities` within the precision of the states.

    Cost:
        Six calls of torch for a step, whatever the number of rows; buffers are kept between steps.
    """

    def __init__(self, probe: LengthProbe, device: Any, torch: Any) -> None:
        self._torch = torch
        self._device = device
        first, bias = probe.folded()
        self._first, self._bias = torch.tensor(first, device=device), torch.tensor(bias, device=device)
        self._second, self._last = (torch.tensor(each, device=device) for each in probe.weights[2:])

    def __call__(self, states: Any, rows: list[int]) -> Any:
        """Probabilities, a tensor (rows, k) on the device, for some rows of states (tokens, hidden)."""
        torch = self._torch
        chosen = states[torch.tensor(rows, device=self._device)].float()
        inner = torch.addmm(self._bias, chosen, self._first).relu_()
        return torch.addmm(self._last, inner, self._second).softmax(1)


def by_request(ids: list[str], probabilities: Any) -> dict[str, NDArray[np.float32]]:
    """Rows by the requests that they belong to; those that are not finite are left out."""
    table = probabilities.numpy()
    rows = zip(ids, table, np.isfinite(table[:, 0]).tolist(), strict=True)
    return {id: row for id, row, finite in rows if finite}
