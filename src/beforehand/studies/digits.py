"""A small network that several workers train together to read digits, in numpy: real gradients, and an accuracy."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import MissingDependency

Floats = NDArray[np.float32]
Data = tuple[Floats, NDArray[np.int64], Floats, NDArray[np.int64]]  # images and labels, then those held out
Mean = Callable[[Floats], Floats]  # of gradients (workers, SIZE): what all workers take for their mean
WIDTHS: Final = (64, 256, 256, 10)
TENSORS: Final = tuple(
    (f"layer{index}.{kind}", shape)
    for index, (rows, columns) in enumerate(zip(WIDTHS[1:], WIDTHS, strict=False))
    for kind, shape in (("weight", (rows, columns)), ("bias", (rows,)))
)
HELD_OUT: Final = 360  # of 1,797 images, on which accuracy is measured
RATE, MOMENTUM, BATCH = np.float32(0.05), np.float32(0.9), 16


class Trained(NamedTuple):
    """What a training gave.

    Args:
        accuracy: On images held out, mean over the last 20 steps.
        gradients: Of all workers, (workers, 85_002), by step.
    """

    accuracy: float
    gradients: dict[int, Floats]


def plain(gradients: Floats) -> Floats:
    """The mean, as it is."""
    mean: Floats = gradients.mean(axis=0)
    return mean


def train(mean: Mean = plain, *, workers: int = 4, steps: int = 60, keep: Sequence[int] = (), seed: int = 1) -> Trained:
    """Train with momentum, each worker on 16 images in each step.

    Args:
        mean: What aggregates.
        workers: How many there are.
        steps: Of training.
        keep: The steps whose gradients are returned, below `steps`.
        seed: Of weights and batches.

    Raises:
        MissingDependency: There is no scikit-learn, which has the images.
    """
    data = _split()
    from threadpoolctl import threadpool_limits  # which scikit-learn brings

    with threadpool_limits(1):  # matrices are so small that more threads only wait for each other
        return _train(data, mean, workers, steps, keep, seed)


def _train(data: Data, mean: Mean, workers: int, steps: int, keep: Sequence[int], seed: int) -> Trained:
    images, labels, unseen, truth = data
    random = np.random.default_rng(seed)
    parameters = start(random)
    ends = np.cumsum([each.size for each in parameters])[:-1]
    velocity = np.zeros(int(ends[-1]) + WIDTHS[-1], np.float32)
    kept: dict[int, Floats] = {}
    right = []
    for step in range(steps):
        picked = random.integers(0, len(images), (workers, BATCH))
        rows = np.stack([gradient(parameters, images[one], labels[one]) for one in picked])
        if step in keep:
            kept[step] = rows
        velocity = MOMENTUM * velocity + mean(rows)
        for parameter, part in zip(parameters, np.split(velocity, ends), strict=True):
            parameter -= RATE * part.reshape(parameter.shape)
        if step >= steps - 20:
            right.append(float(np.mean(layers_of(parameters, unseen)[-1].argmax(axis=1) == truth)))
    return Trained(float(np.mean(right)), kept)


def _split() -> Data:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingDependency("the digits need scikit-learn; pip install beforehand[sklearn]") from None
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = (images[order] / 16 - 0.3).astype(np.float32), labels[order]
    return images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT]


def start(random: np.random.Generator) -> list[Floats]:
    """Parameters to begin with, in the order of `TENSORS`."""
    found: list[Floats] = []
    for rows, columns in zip(WIDTHS[1:], WIDTHS, strict=False):
        for shape in ((rows, columns), (rows,)):
            found.append((random.uniform(-1, 1, shape) / np.sqrt(columns)).astype(np.float32))
    return found


def layers_of(parameters: list[Floats], images: Floats) -> list[Floats]:
    """What goes into each layer, then the scores."""
    layers = [images]
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        layers.append(np.maximum(layers[-1] @ weight.T + bias, 0))
    return [*layers, layers[-1] @ parameters[-2].T + parameters[-1]]


def gradient(parameters: list[Floats], images: Floats, labels: NDArray[np.int64]) -> Floats:
    """Of the mean cross entropy, in the order of `TENSORS`."""
    *layers, scores = layers_of(parameters, images)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = chances / chances.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    error /= np.float32(len(labels))
    parts: list[Floats] = []
    for inputs, weight in zip(reversed(layers), reversed(parameters[::2]), strict=True):
        parts[:0] = [(error.T @ inputs).ravel(), error.sum(axis=0)]
        error = error @ weight * (inputs > 0)
    return np.concatenate(parts)
