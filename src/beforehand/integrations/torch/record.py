"""Gradients of a training job as a trace, for planning."""

import itertools
from collections.abc import Sequence

import numpy as np

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch.job import Job
from beforehand.integrations.torch.simulated import SimulatedWorkers, mean_of


def record_gradients(
    job: Job, *, workers: int = 4, steps: Sequence[int] = (0, 20, 50, 100, 200), seed: int = 0
) -> Trace:
    """Train a job in this process, with the batches of n workers in turn, and keep their gradients at some steps.

    Args:
        job: What is trained; the parameters are those that need a gradient, in the order of the model.
        workers: How many rows each step has; a plan needs at least 2.
        steps: Which ones, from 0, ascending; the mean over workers is applied exactly.
        seed: Of weights and batches.

    Returns:
        A trace of kind `gradients`: columns `step` and `worker`, int32, and `gradient`, float32, one row for each step
        and worker, by step, then worker; names and shapes of the parameters, the job and the seed in `meta`.

    Guarantee:
        The gradients are those that plain data-parallel training meets with the same seed, up to rounding.

    Cost:
        `workers` forward and backward passes for each step up to the last, and 4 bytes for each parameter, worker and
        step kept.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: Steps are none, negative or not ascending; there is no worker or nothing to train.

    Example:
        Once, in a minute, before a plan::

            trace = record_gradients(MyJob(), workers=4)
            trace.save("gradients.npz")
    """
    kept = [int(step) for step in steps]
    if not kept or kept[0] < 0 or any(later <= earlier for earlier, later in itertools.pairwise(kept)):
        raise InvalidInput(f"steps are {list(steps)}, but must be whole numbers from 0, in ascending order")
    simulated = SimulatedWorkers(job, workers=workers, seed=seed)
    found = []
    for step in range(kept[-1] + 1):
        rows = simulated.gradients()
        if step in kept:
            found.append(rows.copy())
        simulated.step(mean_of(rows))
    names, shapes = zip(*simulated.tensors, strict=True)
    columns = {
        "step": np.repeat(np.array(kept, np.int32), workers),
        "worker": np.tile(np.arange(workers, dtype=np.int32), len(kept)),
        "gradient": np.concatenate(found),
    }
    meta = {"names": list(names), "shapes": [list(shape) for shape in shapes], "job": job.name, "seed": seed}
    return Trace("gradients", columns, meta=meta)
