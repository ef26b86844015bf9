"""What each process does in the tests of the drivers."""

import json

import numpy as np

from beforehand import gradients as area
from beforehand.gradients import Layout
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.phases import Rounds

SIZES = (1, 511, 512, 513, 1023, 2**14 - 1, 2**14 + 1)


def row(rank, size, step):
    """The gradient of a worker."""
    draw = np.random.default_rng([rank, size, step])
    return (draw.choice([-1, 1], size) * draw.lognormal(size=size)).astype(np.float32)


def rounds(rank, text, reduction, workers):
    """Means of three rounds at each size, and the bytes sent."""
    codec = getattr(area, json.loads(text)["codec"]).from_json(text)
    driver = GroupDriver()
    found = []
    for size in SIZES:
        encoder = codec.open(Layout([("weight", (size,))]), rank=rank, workers=workers, reduction=reduction)
        running, means = Rounds(encoder), []
        for step in range(3):
            given = row(rank, size, step)
            means.append(running.run(given, driver, driver.phases))
            assert np.array_equal(given, row(rank, size, step))
        found.append(means)
    return found, tuple(driver.sent), dict(driver.phases.seconds)
