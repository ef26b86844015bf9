"""What a probe has said of each running request so far: its smoothed probabilities, and the tokens left by them."""

from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe

NOTHING_YET: Final = np.nan


@final
class Refinement:
    """Smooth the probabilities that a worker's probe sends, all requests of a step at once.

    Args:
        probe: The probe that the worker runs.

    Guarantee:
        Rows of another length than the probe's bins, and rows that are no probabilities, are passed over.
    """

    def __init__(self, probe: LengthProbe) -> None:
        self._probe = probe
        self._bins = probe.representatives.size

    @classmethod
    def of(cls, path: str) -> "Refinement | None":
        """With the probe in a file; None without one, of which the worker tells why."""
        try:
            return cls(LengthProbe.load(path)) if path else None
        except (CorruptData, InvalidInput):
            return None

    def __call__(self, tracked: Mapping[str, Any], predictions: Mapping[str, Any]) -> None:
        """Note the tokens left of each request that is tracked.

        Args:
            tracked: By request: what holds `posterior`, `refined`, `refined_age` and the `request`.
            predictions: By request: the probabilities of the step that has just ended, before its tokens are counted.
        """
        found = [(tracked[id], np.asarray(row, np.float64)) for id, row in predictions.items() if id in tracked]
        found = [(each, row) for each, row in found if row.shape == (self._bins,) and row.min() >= 0 < row.sum() < 2]
        if not found:
            return
        none = np.full(self._bins, NOTHING_YET)
        ages = np.array([each.request.num_output_tokens for each, _ in found], np.int64)
        before = np.stack([none if each.posterior is None else each.posterior for each, _ in found])
        steps = ages - np.array([each.refined_age for each, _ in found], np.int64)
        smoothed = self._probe.smooth(before, np.stack([row for _, row in found]), np.maximum(steps, 0))
        for (each, _), row, left, age in zip(found, smoothed, self._probe.expected(smoothed), ages, strict=True):
            each.posterior, each.refined, each.refined_age = row, float(left), float(age)
