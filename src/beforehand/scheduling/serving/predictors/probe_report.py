"""What training a length probe has found: its errors by layer, beside predictors that see less, and beside none."""

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import CorruptData, InvalidInput

Floats = NDArray[np.float64]
NEIGHBORS: Final = 64  # pairs among which a refreshed prediction is drawn
PUBLISHED: Final = "published, Llama-3-8B on Alpaca: DistilBERT 46.1 tokens (whole lengths), layer 11 raw 33.9 (left)"


@final
@dataclass(frozen=True, slots=True)
class LayerErrors:
    """How well one layer does on requests that did not train it.

    Args:
        layer: The decoder layer, from 0.
        raw: Mean absolute error of the tokens left, over all tokens, without smoothing.
        smoothed: The same with smoothing at every token.
        accuracy: Share of states that are put into the right bin.
        cross_entropy: Of the bins, in nats.
    """

    layer: int
    raw: float
    smoothed: float
    accuracy: float
    cross_entropy: float


@final
@dataclass(frozen=True, kw_only=True)
class ProbeReport:
    """Errors of a length probe, in tokens.

    Args:
        model: The model that it reads.
        layer: The chosen layer: the one with the least smoothed error on validation requests.
        layers: Errors of every layer that was tried, on validation requests.
        requests: How many requests trained it, chose the layer, and tested it.
        cut: Share of answers that were cut; they train the last bin and count in no error.
        errors: By predictor, on test requests: the mean over all tokens, and over requests.
        deciles: By predictor, mean absolute error in each tenth of an answer.
        sampled: By predictor, mean absolute error over the sampled positions, as the paper counts.
        calibration: Mean distance between how sure the probe is of its bin and how often it is right.
        truth: Tokens left at positions of test requests.
        progress: Share of the answer that was written there.
        predicted: What the probe, smoothed every 8 tokens, said there; `draw` draws from these.

    Example:
        >>> report = ProbeReport(model="tiny", layer=1, layers=(LayerErrors(1, 14.2, 10.8, 0.52, 1.1),),
        ...     requests=(80, 10, 10), cut=0.0, errors={"raw": (29.0, 14.2)}, truth=(5.0, 50.0),
        ...     progress=(0.9, 0.1), predicted=(7.0, 40.0))
        >>> ProbeReport.from_json(report.to_json()) == report
        True
    """

    model: str
    layer: int
    layers: tuple[LayerErrors, ...]
    requests: tuple[int, int, int]
    cut: float
    errors: Mapping[str, tuple[float, float]]
    deciles: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sampled: Mapping[str, float] = field(default_factory=dict)
    calibration: float = 0.0
    truth: tuple[float, ...] = ()
    progress: tuple[float, ...] = ()
    predicted: tuple[float, ...] = ()

    def draw(self, remaining: ArrayLike, progress: ArrayLike, random: "np.random.Generator") -> Floats:
        """What the probe would say at such places: what it said at one that is much like them, as far off as there.

        Args:
            remaining: True tokens left, float64 (n,).
            progress: Share of each answer that is written, float64 (n,).
            random: Where the choice among the 64 most similar places comes from.

        Returns:
            Predictions, float64 (n,) and at least 1.

        Raises:
            InvalidInput: The report holds no places.
        """
        if not self.truth:
            raise InvalidInput("this report holds no pairs of true and predicted tokens; train the probe again")
        logarithms, shares, excess = self._places
        wanted, written = np.asarray(remaining, np.float64), np.asarray(progress, np.float64)
        drawn = np.empty(wanted.shape)
        for place, (left, share) in enumerate(zip(wanted, written, strict=True)):
            distance = np.abs(logarithms - np.log(max(left, 1.0))) + np.abs(shares - share)
            near = np.argpartition(distance, min(NEIGHBORS, distance.size) - 1)[:NEIGHBORS]
            drawn[place] = left + excess[near[random.integers(near.size)]]
        return np.maximum(drawn, 1.0)

    @functools.cached_property
    def _places(self) -> tuple[Floats, Floats, Floats]:
        """Logarithms of the tokens left, shares written, and by how much the probe said too many."""
        true, said = np.asarray(self.truth), np.asarray(self.predicted)
        return np.log(np.maximum(true, 1.0)), np.asarray(self.progress), said - true

    def table(self) -> str:
        """The errors as text, predictors that see less beside."""
        train, validation, test = self.requests
        lines = [
            f"length probe of {self.model}, layer {self.layer}: tokens left, mean absolute error",
            f"requests: {train} to train, {validation} to choose, {test} to test; {100 * self.cut:.1f} % were cut",
            f"{'layer':>28} {'raw':>9} {'smoothed':>9} {'accuracy':>9}",
        ]
        lines += [
            f"{each.layer:>28} {each.raw:>9.1f} {each.smoothed:>9.1f} {each.accuracy:>9.3f}" for each in self.layers
        ]
        lines.append(f"{'on test requests':>28} {'by token':>9} {'by request':>10}")
        lines += [f"{name:>28} {token:>9.1f} {request:>10.1f}" for name, (token, request) in self.errors.items()]
        lines += [
            f"{'sampled positions':>28} " + ", ".join(f"{name} {error:.1f}" for name, error in self.sampled.items())
        ]
        lines += [f"calibration {self.calibration:.3f}", PUBLISHED]
        return "\n".join(lines)

    def to_json(self) -> str:
        """A JSON object."""
        return json.dumps({"format": 1} | asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote.

        Raises:
            CorruptData: It is no report of this version.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields.pop("format") != 1:
                raise ValueError("its format is not 1")
            fields["layers"] = tuple(LayerErrors(**each) for each in fields["layers"])
            for name in ("requests", "truth", "progress", "predicted"):
                fields[name] = tuple(fields[name])
            for name in ("errors", "deciles"):
                fields[name] = {key: tuple(values) for key, values in fields[name].items()}
            if len({len(fields[name]) for name in ("truth", "progress", "predicted")}) != 1:
                raise ValueError("it has unequally many true and predicted tokens")
            return cls(**fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptData(f"this is no report of a probe: {error}; train the probe again") from error
