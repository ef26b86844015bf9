"""n workers of a job in this process, step by step: their gradients as rows."""

from collections.abc import Iterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.inputs import whole
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.job import Job

Rows = NDArray[np.float32]


@final
class SimulatedWorkers:
    """One model that n workers share, since their replicas are equal.

    Args:
        job: What is trained.
        workers: How many, at least 1.
        seed: Of the weights and batches.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: `workers` is below 1, or the model has nothing to train.
    """

    def __init__(self, job: Job, *, workers: int, seed: int) -> None:
        self._torch = torch_for("training")
        whole("workers", workers, 1)
        self._job, self.model = job, job.model(seed)
        self.model.train()
        named = [(name, each) for name, each in self.model.named_parameters() if each.requires_grad]
        if not named:
            raise InvalidInput(f"the model of {job.name} has no parameter to train")
        self.tensors = [(name, tuple(each.shape)) for name, each in named]
        self._parameters = [each for _, each in named]
        self._optimizer = job.optimizer(iter(self._parameters))
        self._batches: list[Iterator[Any]] = [job.batches(rank, workers, seed) for rank in range(workers)]
        self.size = sum(each.numel() for each in self._parameters)
        self._rows = np.empty((workers, self.size), np.float32)

    def gradients(self) -> Rows:
        """The gradient of each worker's next batch, float32 (workers, parameters); overwritten by the next call."""
        for row, batches in zip(self._rows, self._batches, strict=True):
            self._optimizer.zero_grad()
            loss: Any = self._job.loss(self.model, next(batches))
            loss.backward()
            first = 0
            for each in self._parameters:
                part = row[first : (first := first + each.numel())]
                part[:] = 0 if each.grad is None else each.grad.float().reshape(-1).cpu().numpy()
        return self._rows

    def step(self, mean: Rows) -> None:
        """Go one step down this gradient."""
        first = 0
        for each in self._parameters:
            part = self._torch.from_numpy(mean[first : (first := first + each.numel())])
            each.grad = part.reshape(each.shape).to(dtype=each.dtype, device=each.device, copy=True)
        self._optimizer.step()


def mean_of(rows: Rows) -> Rows:
    """The exact mean."""
    mean: Rows = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
