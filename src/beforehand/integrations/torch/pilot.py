"""A short training in one process with a codec between the workers: how far its errors set training back."""

import math
from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Cast, Layout, drive_local
from beforehand.gradients.buckets import SMALLEST, ready_buckets
from beforehand.gradients.codec import Codec, Reduction
from beforehand.gradients.inputs import whole
from beforehand.gradients.simulate import mean_feedback
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.job import Job, evaluated
from beforehand.integrations.torch.simulated import Rows, SimulatedWorkers, mean_of

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]


def pilot(job: Job, *, workers: int = 4, steps: int = 200, seed: int = 0) -> Callable[[Codec], Curve]:
    """What `plan` runs to see how many steps a codec needs: n simulated workers in this process, and no network.

    Args:
        job: What is trained; its `evaluate` must return a `loss`.
        workers: How many.
        steps: To train with each codec.
        seed: Of weights and batches, the same for all codecs.

    Returns:
        A function of a codec, which trains anew and returns two arrays, the steps after which it was evaluated and the
        losses there. It is evaluated before the first step, every `evaluate_every` steps, and at the end.

    Guarantee:
        Buckets are cut from the last parameter on, the first at 1 MiB and the others at 25, as DDP does, and those
        below 16,384 coordinates are summed as they are.

    Cost:
        For each codec `workers` passes and encoders in each step, on one core.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: An argument is below 1; `evaluate` returns no loss.

    Example:
        The loss after 100 steps of two codecs::

            run = pilot(MyJob(), workers=2, steps=100)
            for codec in (Cast("float32"), THC()):
                steps, losses = run(codec)
                print(codec, losses[-1])
    """
    torch_for("pilot")
    whole("workers", workers, 1)
    whole("steps", steps, 1)

    def run(codec: Codec) -> Curve:
        simulated = SimulatedWorkers(job, workers=workers, seed=seed)
        reduce = mean_of if workers == 1 else Buckets(codec, simulated.tensors, workers).mean
        taken, losses = [0], [_loss(job, simulated.model)]
        for step in range(1, steps + 1):
            simulated.step(reduce(simulated.gradients()))
            if step % job.evaluate_every == 0 or step == steps:
                taken.append(step)
                losses.append(_loss(job, simulated.model))
        return np.array(taken), np.array(losses)

    return run


@final
class Buckets:
    """The encoders of all workers for each bucket of a model."""

    def __init__(
        self, codec: Codec, tensors: list[tuple[str, tuple[int, ...]]], workers: int, reduction: Reduction | None = None
    ) -> None:
        self._parts: list[tuple[slice, Layout, list[Any]]] = []
        end = sum(math.prod(shape) for _, shape in tensors)
        for number, layout in enumerate(ready_buckets(Layout(tensors))):
            used: Any = codec if layout.size >= SMALLEST else Cast("float32")
            by = reduction if used is codec and reduction else used.reductions[0]
            encoders = [
                used.open(layout, rank=rank, workers=workers, reduction=by, bucket=number) for rank in range(workers)
            ]
            self._parts.append((slice(end - layout.size, end), layout, encoders))
            end -= layout.size

    def mean(self, rows: Rows) -> Rows:
        """One round of every bucket."""
        mean = np.empty(rows.shape[1], np.float32)
        for where, _, encoders in self._parts:
            mean[where] = drive_local(encoders, [row[where] for row in rows]).means[0]
        return mean

    def feedback(self) -> NDArray[np.float64]:
        """What the encoders add to the next gradient, mean over workers."""
        return np.concatenate([mean_feedback(encoders, layout) for _, layout, encoders in reversed(self._parts)])


def _loss(job: Job, model: Any) -> float:
    found = evaluated(job, model)
    if "loss" not in found:
        raise InvalidInput(
            f"evaluate() of {job.name} returns {', '.join(found)}, but a pilot needs a 'loss'; return one too"
        )
    return found["loss"]
