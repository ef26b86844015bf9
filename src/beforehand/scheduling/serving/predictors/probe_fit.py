"""Fit the perceptrons of all layers at once, as one batch of independent networks."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.serving.predictors.hidden_states import import_torch

WIDTH: Final = 512
PATIENCE: Final = 5  # epochs without a better cross-entropy on validation requests
TOGETHER: Final = 2048  # states that are judged at once


class Hyper(NamedTuple):
    """How to train."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int


class Fitted(NamedTuple):
    """One layer's perceptron, and the scale of its states."""

    weights: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    marginal: NDArray[np.float64]


def fit_layers(
    train: NDArray[np.float16],
    train_bins: NDArray[np.int64],
    validation: NDArray[np.float16],
    validation_bins: NDArray[np.int64],
    k: int,
    hyper: Hyper,
    tell: Callable[[str, int, int], None],
) -> list[Fitted]:
    """For each layer the weights with the least cross-entropy on validation requests.

    Args:
        train: States, float16 (layers, n, hidden).
        train_bins: Their bins, int64 (n,).
        validation: States of other requests.
        validation_bins: Their bins.
        k: Bins.
        hyper: How to train.
        tell: Told of every epoch.
    """
    torch = import_torch()
    count, rows, hidden = train.shape
    means = np.stack([each.astype(np.float32).mean(0) for each in train])
    stds = np.stack([np.maximum(each.astype(np.float32).std(0), 1e-3) for each in train])
    mean, std = (torch.from_numpy(each)[:, None] for each in (means, stds))
    data, bins = torch.from_numpy(train), torch.from_numpy(train_bins)
    unseen, unseen_bins = torch.from_numpy(validation), torch.from_numpy(validation_bins)
    generator = torch.Generator().manual_seed(hyper.seed)
    shapes = ((hidden, WIDTH), (1, WIDTH), (WIDTH, k), (1, k))
    parameters = []
    for place, shape in enumerate(shapes):
        bound = (hidden if place < 2 else WIDTH) ** -0.5
        parameters.append(((torch.rand((count, *shape), generator=generator) * 2 - 1) * bound).requires_grad_())
    optimizer = torch.optim.AdamW(parameters, lr=hyper.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, hyper.epochs)

    def scores(states: Any) -> Any:
        first, bias, second, last = parameters
        inner = torch.baddbmm(bias, (states.float() - mean) / std, first).relu()
        return torch.baddbmm(last, inner, second)

    def cross_entropy(states: Any, wanted: Any) -> Any:
        found = scores(states)
        each = torch.nn.functional.cross_entropy(found.flatten(0, 1), wanted.repeat(count), reduction="none")
        return each.view(count, -1).sum(1)

    best = [np.inf] * count
    kept = [[each[layer].detach().clone() for each in parameters] for layer in range(count)]
    waited = 0
    for epoch in range(hyper.epochs):
        for chosen in torch.randperm(rows, generator=generator).split(hyper.batch_size):
            loss = cross_entropy(data[:, chosen], bins[chosen]).sum() / len(chosen)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        with torch.inference_mode():
            parts = range(0, unseen.shape[1], TOGETHER)
            losses = sum(cross_entropy(unseen[:, at : at + TOGETHER], unseen_bins[at : at + TOGETHER]) for at in parts)
        waited += 1
        for layer, total in enumerate(losses.tolist()):
            if total < best[layer]:
                best[layer], waited = total, 0
                kept[layer] = [each[layer].detach().clone() for each in parameters]
        tell("training", epoch + 1, hyper.epochs)
        if waited >= PATIENCE:
            break
    marginal = np.bincount(train_bins, minlength=k) / rows
    return [
        Fitted(tuple(each.numpy().squeeze(0) if each.shape[0] == 1 else each.numpy() for each in kept[layer]),
               means[layer], stds[layer], marginal)
        for layer in range(count)
    ]  # fmt: skip
