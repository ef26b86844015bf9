"""What a probe has said of each running request so far: its smoothed probabilities, and the tokens left by them."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe


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
        self._nothing = np.full(self._bins, np.nan)

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
        shape = (self._bins,)
        known = [id for id, row in predictions.items() if id in tracked and np.shape(row) == shape]
        if not known:
            return
        found = [tracked[id] for id in known]
        rows = np.concatenate([predictions[id] for id in known], dtype=np.float64).reshape(-1, self._bins)
        ages = [each.request.num_output_tokens for each in found]
        steps = [max(age - each.refined_age, 0) for each, age in zip(found, ages, strict=True)]
        before = [self._nothing if each.posterior is None else each.posterior for each in found]
        beliefs, left = self._probe.refine(np.concatenate(before).reshape(rows.shape), rows, np.array(steps, np.int64))
        sums = rows.sum(axis=1).tolist()
        for each, belief, tokens, age, sum_ in zip(found, beliefs, left.tolist(), ages, sums, strict=True):
            if tokens == tokens and sum_ < 2:
                each.posterior, each.refined, each.refined_age = belief, tokens, age
