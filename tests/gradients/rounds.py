"""Rounds of all workers in one process, for the tests of every codec."""

import numpy as np

from beforehand.gradients import Layout, drive_local


def layout_of(size):
    return Layout([("weight", (size,))])


def opened(codec, layout, workers, *, step=0, reduction=None):
    reduction = reduction or codec.reductions[0]
    return [codec.open(layout, rank=rank, workers=workers, reduction=reduction, step=step) for rank in range(workers)]


def one_round(codec, gradients, *, step=0, reduction=None):
    """The mean that all workers agree on, and the bytes of one."""
    encoders = opened(codec, layout_of(gradients.shape[1]), len(gradients), step=step, reduction=reduction)
    means, sent = drive_local(encoders, gradients)
    assert all(np.array_equal(mean, means[0], equal_nan=True) for mean in means)
    return means[0], sent


def lognormal(workers, size, seed=0):
    draw = np.random.default_rng(seed)
    return (draw.choice([-1, 1], (workers, size)) * draw.lognormal(size=(workers, size))).astype(np.float32)
