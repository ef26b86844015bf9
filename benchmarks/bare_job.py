"""A job that computes next to nothing, so that its steps take what the exchange of gradients takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from beforehand.workloads.training_jobs import CharLM


@dataclass(frozen=True)
class Bare:
    """The parameters of the model of characters, whose gradient is drawn once for each worker."""

    name: ClassVar[str] = "bare"
    evaluate_every: ClassVar[int] = 1000

    def model(self, seed: int) -> Any:
        """Parameters in matrices as CharLM has them."""
        import torch

        class Sums(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                shapes = [each.shape for each in CharLM().model(seed).parameters()]
                self.parts = torch.nn.ParameterList(torch.zeros(shape) for shape in shapes)

            def forward(self, gradients: Any) -> Any:
                return sum((part * each).sum() for part, each in zip(self.parts, gradients, strict=True))

        return Sums()

    def optimizer(self, parameters: Any) -> Any:
        """One that moves nothing."""
        import torch

        return torch.optim.SGD(parameters, lr=0.0)

    def batches(self, rank: int, workers: int, seed: int) -> Iterator[Any]:
        """The same gradients again and again."""
        import torch

        generator = torch.Generator().manual_seed(1000 * seed + rank)
        shapes = [each.shape for each in CharLM().model(0).parameters()]
        drawn = [torch.randn(shape, generator=generator) for shape in shapes]
        while True:
            yield drawn

    def loss(self, model: Any, batch: Any) -> Any:
        """Its gradient is the batch."""
        return model(batch)

    def evaluate(self, model: Any) -> dict[str, float]:
        """Nothing to see."""
        return {"loss": 0.0}
