"""Real gradients without torch: four workers who train a small network to read digits."""

import functools

import numpy as np
from sklearn.datasets import load_digits

WIDTHS = (64, 256, 256, 10)


def _backward(weights, biases, images, labels):
    """The gradient of the cross entropy, layer by layer: weights, then biases."""
    layers = [images]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        layers.append(np.maximum(layers[-1] @ weight.T + bias, 0))
    scores = layers[-1] @ weights[-1].T + biases[-1]
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = chances / chances.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    parts = []
    for index in reversed(range(len(weights))):
        parts[:0] = [(error.T @ layers[index]).ravel(), error.sum(axis=0)]
        error = error @ weights[index] * (layers[index] > 0)
    return np.concatenate(parts)


@functools.cache
def gradients(steps=(0, 20, 60), workers=4, batch=16):
    """The gradients, (workers, 85_002), at these steps of SGD with momentum."""
    random = np.random.default_rng(1)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16 - 0.3).astype(np.float32)
    shapes = list(zip(WIDTHS[1:], WIDTHS, strict=False))
    weights = [(random.uniform(-1, 1, shape) / np.sqrt(shape[1])).astype(np.float32) for shape in shapes]
    biases = [(random.uniform(-1, 1, rows) / np.sqrt(columns)).astype(np.float32) for rows, columns in shapes]
    parameters = [each for pair in zip(weights, biases, strict=True) for each in pair]
    ends = np.cumsum([each.size for each in parameters])
    velocity, found = 0.0, []
    for step in range(max(steps) + 1):
        picked = random.integers(0, len(images), (workers, batch))
        rows = np.stack([_backward(weights, biases, images[one], labels[one]) for one in picked])
        if step in steps:
            found.append(rows)
        velocity = np.float32(0.9) * velocity + rows.mean(axis=0)
        for parameter, part in zip(parameters, np.split(velocity, ends[:-1]), strict=True):
            parameter -= np.float32(0.05) * part.reshape(parameter.shape)
    return found
