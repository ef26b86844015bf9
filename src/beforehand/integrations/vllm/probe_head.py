"""A length probe as vLLM's worker runs it, on the device that holds the states."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.serving.predictors.length_probe import LengthProbe


@final
class ProbeHead:
    """Probabilities of remaining tokens for some rows of hidden states.

    Args:
        probe: The probe.
        device: Where the states are.
        torch: The module.

    Guarantee:
        The same numbers as `probe.probabilities` within the precision of the states; nan for a state that is
        not finite.

    Cost:
        On a CPU one call of the probe's own kernel. Elsewhere six calls of torch for a step, whatever the number of
        rows.
    """

    def __init__(self, probe: LengthProbe, device: Any, torch: Any) -> None:
        self._torch = torch
        self._device = torch.device(device)
        self._probe = probe
        if self._device.type != "cpu":
            first, bias = probe.folded()
            self._first, self._bias = torch.tensor(first, device=device), torch.tensor(bias, device=device)
            self._second, self._last = (torch.tensor(each, device=device) for each in probe.weights[2:])

    def __call__(self, states: Any, rows: list[int]) -> Any:
        """Probabilities, a tensor (rows, k) on the device, for some rows of states (tokens, hidden)."""
        torch = self._torch
        if self._device.type == "cpu":
            return torch.from_numpy(self._probe.read(self._as_numpy(states), np.array(rows, np.int64)))
        chosen = states[torch.tensor(rows, device=self._device)].float()
        inner = torch.addmm(self._bias, chosen, self._first).relu_()
        return torch.addmm(self._last, inner, self._second).softmax(1)

    def _as_numpy(self, states: Any) -> NDArray[Any]:
        torch = self._torch
        if states.dtype is torch.bfloat16:  # numpy knows its bits only
            return np.ascontiguousarray(states.view(torch.int16).numpy().view(np.uint16))
        return np.ascontiguousarray(states.numpy(), np.float32)


def by_request(ids: list[str], probabilities: Any) -> dict[str, NDArray[np.float32]]:
    """Rows by the requests that they belong to; those that are not finite are left out."""
    table = probabilities.numpy()
    rows = zip(ids, table, np.isfinite(table[:, 0]).tolist(), strict=True)
    return {id: row for id, row, finite in rows if finite}
