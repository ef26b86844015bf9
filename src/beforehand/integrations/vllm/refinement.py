"""What a probe has said of each running request so far: its smoothed probabilities, and the tokens left by them."""

from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving.predictors.length_probe import Floats, LengthProbe

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
        found, rows = self._usable(tracked, predictions)
        if not found:
            return
        ages = [each.request.num_output_tokens for each in found]
        smoothed = self._smoothed(found, rows, ages)
        left = self._probe.expected(smoothed).tolist()
        for each, belief, tokens, age in zip(found, smoothed, left, ages, strict=True):
            each.posterior, each.refined, each.refined_age = belief, tokens, age

    def _usable(self, tracked: Mapping[str, Any], predictions: Mapping[str, Any]) -> tuple[list[Any], Floats]:
        """What is tracked and has probabilities, and these, a row for each."""
        bins = self._bins
        known = [id for id, row in predictions.items() if id in tracked and np.shape(row) == (bins,)]
        if not known:
            return [], np.empty((0, bins))
        rows = np.concatenate([predictions[id] for id in known], dtype=np.float64).reshape(-1, bins)
        sums = rows.sum(axis=1)
        good = (sums > 0) & (sums < 2) & (rows.min(axis=1) >= 0)  # false for nan, too
        return [tracked[id] for id, fine in zip(known, good.tolist(), strict=True) if fine], rows[good]

    def _smoothed(self, found: list[Any], rows: Floats, ages: list[int]) -> Floats:
        """Probabilities by these rows and by what was known before, if anything was."""
        old = next((place for place, each in enumerate(found) if each.posterior is not None), None)
        steps = [max(age - each.refined_age, 0) for each, age in zip(found, ages, strict=True)]
        if old is None:
            return self._probe.smooth(None, rows, np.array(steps, np.int64))
        nothing, usual = np.full(self._bins, NOTHING_YET), steps[old]
        before = np.concatenate([nothing if each.posterior is None else each.posterior for each in found])
        # One number of steps for all is the fastest, and who is new has none of his own.
        steps = [usual if each.posterior is None else step for each, step in zip(found, steps, strict=True)]
        return self._probe.smooth(before.reshape(rows.shape), rows, np.array(steps, np.int64))
