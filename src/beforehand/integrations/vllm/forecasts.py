"""How long answers will be: what clients, a predictor or finished answers say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from beforehand.integrations.vllm.bounded import BoundedPredictor
from beforehand.integrations.vllm.canary import Canary
from beforehand.integrations.vllm.hints import Hints
from beforehand.scheduling.serving.predictors.answer_lengths import ClaimedLengths, FinishedLengths
from beforehand.scheduling.serving.predictors.outlived import Outlived

RECENT: Final = 1 / 128  # weight of one answer in the mean error


@final
@dataclass(frozen=True, slots=True)
class Forecast:
    """The first prediction of an answer's length."""

    tokens: float
    made: bool  # by somebody; else it is the mean
    claimed: float = math.nan  # what the client said, before it was corrected


@final
class Forecasts:
    """First predictions of answers, each checked once its answer has finished.

    Args:
        predictor: Asked where no trusted client says anything; None for nobody.
        trust_hints: Whether clients are believed, corrected by how far their tenant was off before.
    """

    def __init__(self, predictor: Any = None, *, trust_hints: bool = False) -> None:
        self._predictor = BoundedPredictor(predictor) if predictor is not None else None
        self._trust_hints = trust_hints
        self.lengths = FinishedLengths()
        self.outlived = Outlived()
        self.claims = ClaimedLengths()
        self.canary = Canary()
        self.mean_error = math.nan  # tokens, exponential

    @property
    def failures(self) -> int:
        """How often the predictor had no answer."""
        return self._predictor.failures if self._predictor else 0

    def first(self, hints: Hints, *, prompt: Sequence[int], limit: float, turn: int) -> Forecast:
        """The prediction for a request that has just come, from 1 to its limit; never raises."""
        claimed, tokens = math.nan, math.nan
        if self._trust_hints and hints.predicted_tokens == hints.predicted_tokens:
            claimed = hints.predicted_tokens
            tokens = self.claims.corrected(hints.tenant, claimed)
        elif self._predictor is not None:
            tokens = self._predictor.ask(_features(hints, prompt, limit, turn))
        made = tokens == tokens
        return Forecast(min(max(tokens if made else self.lengths.mean, 1.0), limit), made, claimed)

    def finished(self, forecast: Forecast, tokens: int, tenant: str) -> bool:
        """An answer has finished; whether the canary has changed its mind."""
        self.lengths.add(tokens)
        self.outlived.observe(tokens, tenant)
        if forecast.claimed == forecast.claimed:
            self.claims.add(tenant, forecast.claimed, tokens)
        if not forecast.made:
            return False
        error = abs(forecast.tokens - tokens)
        self.mean_error = (
            error if self.mean_error != self.mean_error else self.mean_error + RECENT * (error - self.mean_error)
        )
        return self.canary.add(forecast.tokens, tokens)


def _features(hints: Hints, prompt: Sequence[int], limit: float, turn: int) -> dict[str, Any]:
    """What `PromptLength` may have been fitted with, for one request."""
    return {
        "prompt_tokens": np.array([len(prompt)]),
        "max_tokens": np.array([limit]),
        "tools": np.array([len(hints.tools)]),
        "turn": np.array([turn]),
        "prefix_id": np.array([hash(tuple(prompt[:64])) & 0x7FFF_FFFF]),
        "tenant": np.array([hints.tenant]),
        "prompts": [np.asarray(prompt)],
    }
