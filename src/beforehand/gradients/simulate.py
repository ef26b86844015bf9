"""All workers of a run in one process: what a codec costs in accuracy and bytes on given gradients."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.codec import Codec
from beforehand.gradients.codecs import check_codec
from beforehand.gradients.exchange import Encoder, Floats
from beforehand.gradients.inputs import numbers
from beforehand.gradients.layout import Layout
from beforehand.gradients.local import drive_local
from beforehand.gradients.metrics import vnmse
from beforehand.gradients.wire import WireBytes

WINDOW = 20  # rounds over which errors of codecs with feedback are judged


class Simulated(NamedTuple):
    """What simulated rounds gave.

    Args:
        mean: Of the last round.
        vnmse: Mean over rounds.
        per_round: vNMSE of each round, of the mean of what was encoded: gradients and feedback.
        cumulative: vNMSE of the sum of means of 20 rounds, mean over such windows; the fair one with feedback.
        bytes: What one worker sends in a round, mean over rounds.
        at_limit: Share of coordinates beyond the range, mean over rounds and workers.
    """

    mean: Floats
    vnmse: float
    per_round: NDArray[np.float64]
    cumulative: float
    bytes: WireBytes
    at_limit: float


def simulate(codec: Codec, gradients: ArrayLike, *, layout: Layout | None = None, rounds: int = 1) -> Simulated:
    """Run n encoders in this process, with exact sums, at the steps 0, 1, ...

    Args:
        codec: Any.
        gradients: (n, d), the same in every round, or (rounds, n, d); float32.
        layout: Of the d coordinates; None is one tensor.
        rounds: How many; with (rounds, n, d) as many as there are.

    Cost:
        n encoders on one core, and the exact means in float64.

    Raises:
        InvalidInput: The shape is another.

    Example:
        >>> from beforehand.gradients import THC
        >>> gradients = np.random.default_rng(0).normal(size=(8, 2048)).astype(np.float32)
        >>> found = simulate(THC(truncation=1 / 32), gradients, rounds=3)
        >>> len(found.per_round), found.at_limit < 0.04
        (3, True)
    """
    check_codec(codec)
    given = numbers("gradients", gradients, np.float32)
    if given.ndim == 3 and rounds in (1, len(given)):
        rounds = len(given)
    elif given.ndim != 2 or rounds < 1:
        raise InvalidInput(f"gradients have shape {given.shape}, but must have (n, d), or ({rounds}, n, d) for rounds")
    if 0 in given.shape:
        raise InvalidInput(f"gradients have shape {given.shape}, but need at least one worker and one coordinate")
    n, d = given.shape[-2:]
    if layout is None:
        layout = Layout([("gradient", (d,))])
    reduction = codec.reductions[0]
    encoders = [codec.open(layout, rank=rank, workers=n, reduction=reduction) for rank in range(n)]
    errors, limits, sent = [], [], []
    drift, energy = np.zeros((2, -(-rounds // WINDOW), d))
    mean: Floats = np.zeros(d, np.float32)
    for index in range(rounds):
        rows = given if given.ndim == 2 else given[index]
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite stays so, as in a plain sum
            true = rows.mean(axis=0, dtype=np.float64)
            encoded = true + mean_feedback(encoders, layout)
            means, bytes_sent = drive_local(encoders, list(rows))
        mean = means[0]
        errors.append(vnmse(mean, encoded))
        sent.append(bytes_sent)
        limits.append(np.mean([one.last.at_limit for one in encoders]))
        drift[index // WINDOW] += mean
        energy[index // WINDOW] += true
    return Simulated(
        mean=mean,
        vnmse=float(np.mean(errors)),
        per_round=np.array(errors),
        cumulative=float(np.mean([vnmse(*pair) for pair in zip(drift, energy, strict=True)])),
        bytes=WireBytes(*np.mean(sent, axis=0).tolist()),
        at_limit=float(np.mean(limits)),
    )


def mean_feedback(encoders: Sequence[Encoder], layout: Layout) -> NDArray[np.float64]:
    """The mean over workers of what encoders add to the next gradient of a bucket."""
    total = np.zeros(layout.size)
    for one in encoders:
        kept = one.state()
        for name, where in layout.slices.items():
            if f"feedback/{name}" in kept:
                total[where] += kept[f"feedback/{name}"].reshape(-1)
    return total / len(encoders)
