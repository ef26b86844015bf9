"""Small training jobs on real data, shaped as `beforehand.integrations.torch.Job`; torch is imported when one runs."""

import functools
import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput, MissingDependency

LETTERS, CONTEXT = 128, 64  # ASCII, and how far the model of characters looks back
TEXT, EVALUATED = 3_000_000, 20  # bytes, of which one in 20 evaluates
WINDOWS = 64  # of CONTEXT letters, evenly over the text that evaluates
TRAINED = 1437  # of the 1,797 digits
SKIPPED = {"site-packages", "dist-packages", "test", "tests"}


@final
@dataclass(frozen=True)
class Digits:
    """Handwritten digits of 8 x 8 pixels, which scikit-learn ships: a dense network of 85,002 parameters.

    1,437 digits train and 360 test, by a fixed permutation. Layers 64-256-256-10 with ReLU; SGD with momentum 0.9. An
    epoch is one permutation, which the workers share out.

    Args:
        batch: Digits of one worker's step.
        learning_rate: Of SGD.

    Guarantee:
        Batches are fixed by rank, workers and seed; so are the first weights by the seed.

    Raises:
        MissingDependency: torch or scikit-learn is not installed, when the job runs.
        InvalidInput: All workers together take more than an epoch in one step.

    Example:
        Train it on three simulated workers, and keep their gradients::

            trace = record_gradients(Digits(), workers=3)
    """

    batch: int = 16
    learning_rate: float = 0.05

    name: ClassVar[str] = "digits"
    evaluate_every: ClassVar[int] = 5

    @property
    def about(self) -> dict[str, str]:
        """What the report says of the data."""
        return {"data": "scikit-learn's digits"}

    def model(self, seed: int) -> Any:
        """The network with the weights of this seed."""
        torch = _torch()
        nn = torch.nn
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
        return nn.Sequential(*layers)

    def optimizer(self, parameters: Any) -> Any:
        """SGD with momentum."""
        return _torch().optim.SGD(parameters, lr=self.learning_rate, momentum=0.9)

    def batches(self, rank: int, workers: int, seed: int) -> Iterator[Any]:
        """Endless pairs of images, float32 (batch, 64), and digits, int64 (batch,)."""
        torch, (images, digits) = _torch(), _digits()
        together = self.batch * workers
        if together > TRAINED:
            raise InvalidInput(
                f"batch is {self.batch} on {workers} workers, but one step takes at most {TRAINED}; take fewer"
            )
        random = np.random.default_rng(seed)
        while True:
            order = random.permutation(TRAINED)
            for step in range(TRAINED // together):
                rows = order[(step * workers + rank) * self.batch :][: self.batch]
                yield torch.from_numpy(images[rows]), torch.from_numpy(digits[rows])

    def loss(self, model: Any, batch: Any) -> Any:
        """Mean cross entropy."""
        images, digits = batch
        return _torch().nn.functional.cross_entropy(model(images), digits)

    def evaluate(self, model: Any) -> dict[str, float]:
        """`accuracy`, the share of test digits recognized, and `loss`, their mean cross entropy."""
        torch, (images, digits) = _torch(), _digits()
        truth = torch.from_numpy(digits[TRAINED:])
        with torch.no_grad():
            found = model(torch.from_numpy(images[TRAINED:]))
            loss = float(torch.nn.functional.cross_entropy(found, truth))
        return {"loss": loss, "accuracy": float((found.argmax(1) == truth).float().mean())}


@final
@dataclass(frozen=True)
class CharLM:
    """The next letter of Python's own source code: a decoder of three layers with 1,396,544 parameters.

    The text is the standard library of the running Python, `*.py` by relative path without tests and what is installed,
    its first 3,000,000 bytes, values clamped to 127; the last twentieth evaluates. Pre-norm layers with GELU, four
    times as wide inside, learned positions over 64 letters, an untied head; AdamW.

    Args:
        d_model: Width; `heads` must divide it.
        layers: How many.
        heads: Of attention.
        sequences: Of 64 letters, in one worker's step.
        learning_rate: Of AdamW.

    Guarantee:
        Batches are fixed by rank, workers and seed; so are the first weights by the seed. `about` names the text, which
        differs between versions of Python, by its SHA-256.

    Raises:
        MissingDependency: torch is not installed, when the job runs.
        InvalidInput: `heads` does not divide `d_model`, or a number is below 1.

    Example:
        >>> CharLM().name, CharLM(d_model=96, layers=2, heads=4).heads
        ('charlm', 4)
    """

    d_model: int = 192
    layers: int = 3
    heads: int = 6
    sequences: int = 4
    learning_rate: float = 1e-3

    name: ClassVar[str] = "charlm"
    evaluate_every: ClassVar[int] = 5

    def __post_init__(self) -> None:
        """Raise if the sizes do not fit."""
        if min(self.layers, self.heads, self.sequences) < 1 or self.d_model < 1 or self.d_model % self.heads:
            raise InvalidInput(
                f"d_model is {self.d_model}, layers {self.layers}, heads {self.heads} and sequences {self.sequences}, "
                "but all must be at least 1, and heads must divide d_model"
            )

    @property
    def about(self) -> dict[str, str]:
        """What the report says of the data."""
        return {
            "data": f"{_text().size:,} bytes of Python's source",
            "sha256": hashlib.sha256(_text().tobytes()).hexdigest(),
        }

    def model(self, seed: int) -> Any:
        """The decoder with the weights of this seed."""
        torch = _torch()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _decoder(torch, self.d_model, self.layers, self.heads)

    def optimizer(self, parameters: Any) -> Any:
        """AdamW."""
        return _torch().optim.AdamW(parameters, lr=self.learning_rate)

    def batches(self, rank: int, workers: int, seed: int) -> Iterator[Any]:
        """Endless windows of the text, int64 (sequences, 65): 64 letters and their successors."""
        torch = _torch()
        text = _text()[: _trained()]
        random = np.random.default_rng([seed, rank])
        while True:
            starts = random.integers(text.size - CONTEXT, size=self.sequences)
            yield torch.from_numpy(text[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int64))

    def loss(self, model: Any, batch: Any) -> Any:
        """Mean cross entropy, in nats for each letter."""
        found = model(batch[:, :-1])
        return _torch().nn.functional.cross_entropy(found.reshape(-1, LETTERS), batch[:, 1:].reshape(-1))

    def evaluate(self, model: Any) -> dict[str, float]:
        """`loss` on 64 windows, evenly over the text that was not trained on."""
        torch, text = _torch(), _text()[_trained() :]
        starts = np.linspace(0, text.size - CONTEXT - 1, WINDOWS).astype(np.int64)
        windows = torch.from_numpy(text[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int64))
        with torch.no_grad():
            return {"loss": float(self.loss(model, windows))}


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingDependency("training jobs need torch; pip install 'beforehand[torch]'") from error
    return torch


@functools.cache
def _digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependency("the digits need scikit-learn; pip install 'beforehand[sklearn]'") from error
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return (images[order] / 16 - 0.3).astype(np.float32), digits[order].astype(np.int64)


@functools.cache
def _text() -> NDArray[np.uint8]:
    root = Path(sysconfig.get_path("stdlib"))
    named = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py"))
    taken, size = [], 0
    for name, path in named:
        if size < TEXT and not SKIPPED & set(name.split("/")[:-1]):
            taken.append(path.read_bytes())
            size += len(taken[-1])
    text = np.minimum(np.frombuffer(b"".join(taken)[:TEXT], np.uint8), LETTERS - 1)
    if text.size < EVALUATED * (CONTEXT + 1) * 2:
        raise InvalidInput(f"{root} holds {text.size} bytes of Python's source, too few to train on; install it whole")
    return text


def _trained() -> int:
    return _text().size - _text().size // EVALUATED


def _decoder(torch: Any, d_model: int, layers: int, heads: int) -> Any:
    """Embedding, positions, pre-norm layers, norm, head."""
    nn = torch.nn

    class Layer(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.before_attention, self.before_mlp = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
            self.attend, self.project = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)
            self.mlp = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model))

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.attend(self.before_attention(x)).view(batch, length, 3, heads, d_model // heads)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.project(seen.transpose(1, 2).reshape(batch, length, d_model))
            return x + self.mlp(self.before_mlp(x))

    class Decoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.letters, self.positions = nn.Embedding(LETTERS, d_model), nn.Embedding(CONTEXT, d_model)
            self.layers = nn.Sequential(*(Layer() for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(d_model), nn.Linear(d_model, LETTERS)

        def forward(self, letters: Any) -> Any:
            x = self.letters(letters) + self.positions.weight[: letters.shape[1]]
            return self.head(self.norm(self.layers(x)))

    return Decoder()
