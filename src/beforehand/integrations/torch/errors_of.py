"""The errors of a codec over the first steps of a job, by workers simulated in one process."""

from typing import NamedTuple

import numpy as np

from beforehand.gradients import vnmse
from beforehand.gradients.codec import Codec, Reduction
from beforehand.integrations.torch.job import Job
from beforehand.integrations.torch.pilot import Buckets
from beforehand.integrations.torch.simulated import SimulatedWorkers

WINDOW = 20  # steps


class Errors(NamedTuple):
    """Errors over 20 steps.

    Args:
        vnmse: Mean over steps, of the mean of what was encoded: gradients, and what earlier steps left over.
        cumulative: vNMSE of the sum of all 20 means: the fair one for codecs that make good later what they left out.
    """

    vnmse: float
    cumulative: float


def errors_of(job: Job, codec: Codec, *, workers: int, reduction: Reduction, seed: int) -> Errors:
    """Train 20 steps with the codec's means, and compare them with the exact ones of the same gradients."""
    simulated = SimulatedWorkers(job, workers=workers, seed=seed)
    buckets = Buckets(codec, simulated.tensors, workers, reduction)
    drift, energy, errors = np.zeros(simulated.size), np.zeros(simulated.size), []
    for _ in range(WINDOW):
        rows = simulated.gradients()
        exact = rows.mean(axis=0, dtype=np.float64)
        encoded = exact + buckets.feedback()
        mean = buckets.mean(rows)
        errors.append(vnmse(mean, encoded))
        drift += mean
        energy += exact
        simulated.step(mean)
    return Errors(float(np.mean(errors)), vnmse(drift, energy))
