"""What a training job and the links between its workers look like; yours, or those of `beforehand.workloads`."""

from collections.abc import Iterator, Mapping, Sequence
from subprocess import Popen
from typing import TYPE_CHECKING, Any, Protocol

from beforehand.core.errors import InvalidInput

if TYPE_CHECKING:
    import torch


class Job(Protocol):
    """A training loop in parts, which other processes can be handed: an object of a module that pickles.

    An attribute `about`, names and values as strings, goes into the report if the job has one.
    """

    @property
    def name(self) -> str:
        """As reports show it."""

    @property
    def evaluate_every(self) -> int:
        """Steps from one evaluation to the next."""

    def model(self, seed: int) -> "torch.nn.Module":
        """A new model, equal on every worker."""

    def optimizer(self, parameters: "Iterator[torch.nn.Parameter]") -> "torch.optim.Optimizer":
        """A new optimizer of these parameters."""

    def batches(self, rank: int, workers: int, seed: int) -> Iterator[Any]:
        """An endless stream of one worker's batches, fixed by these arguments."""

    def loss(self, model: "torch.nn.Module", batch: Any) -> "torch.Tensor":
        """The loss to go down on: one number with a gradient."""

    def evaluate(self, model: "torch.nn.Module") -> dict[str, float]:
        """Metrics of what was not trained on, such as `{"loss": 2.3}`."""


class Links(Protocol):
    """What starts the workers' processes and counts their bytes; `beforehand.workloads.shaped_links` has one."""

    address: str  # where the other ranks reach rank 0

    def start(
        self, rank: int, argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any
    ) -> Popen[Any]:
        """Start a worker's program; `options` are those of `subprocess.Popen`."""

    def sent_bytes(self, rank: int) -> int:
        """What a worker has sent so far."""


def evaluated(job: Job, model: Any) -> dict[str, float]:
    """The job's metrics in the model's evaluation mode, checked.

    Raises:
        InvalidInput: There is no metric, or one is no number.
    """
    model.eval()
    try:
        found = job.evaluate(model)
    finally:
        model.train()
    if not isinstance(found, dict) or not found:
        raise InvalidInput(f"evaluate() of {job.name} returned {found!r}, but must return names and numbers")
    return {name: float(value) for name, value in found.items()}
