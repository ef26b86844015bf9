"""Workers learn digits through a real aggregator while one of them is killed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from beforehand.core.errors import Closed, TimedOut
from beforehand.gradients import THC, Aggregator, AggregatorClient, Layout, drive
from beforehand.studies import digits

WORKERS, STEPS, KILLED = 4, 60, 25
CODEC, LAYOUT = THC(truncation=1 / 64), Layout(digits.TENSORS)


def trained(quorum, *, killed=None, silent=False, timeout=30.0):
    """Accuracy, and how many workers were left; worker 3 leaves, or falls silent, before step `killed`."""
    with Aggregator(workers=WORKERS, quorum=quorum, timeout=timeout) as server, ThreadPoolExecutor(WORKERS) as pool:
        clients = [AggregatorClient(server.address, CODEC, rank=rank, workers=WORKERS) for rank in range(WORKERS)]
        encoders = [CODEC.open(LAYOUT, rank=rank, workers=WORKERS, reduction="combine") for rank in range(WORKERS)]
        steps = iter(range(STEPS))

        def mean(rows):
            step = next(steps)
            if step == killed and not silent:
                clients[3].close()
            here = range(WORKERS if killed is None or step < killed else WORKERS - 1)
            means = list(pool.map(lambda rank: drive(encoders[rank], rows[rank], clients[rank]), here))
            assert all(np.array_equal(each, means[0]) for each in means)
            return means[0]

        try:
            return digits.train(mean, workers=WORKERS, steps=STEPS).accuracy, server.stats().workers
        finally:
            for each in clients:
                each.close()


def test_with_a_quorum_the_others_learn_as_much_when_one_is_killed():
    whole, _ = trained(1.0)
    for options in ({}, {"silent": True, "timeout": 0.5}):
        accuracy, left = trained(0.75, killed=KILLED, **options)
        assert left == 3
        assert abs(accuracy - whole) < 0.02


def test_without_one_they_are_told_within_the_timeout():
    with pytest.raises(Closed, match="worker 3 has left, and 3 of 4 workers are fewer than the 4"):
        trained(1.0, killed=KILLED)
    with pytest.raises(TimedOut, match=r"worker 3 sent nothing for 0\.5 seconds"):
        trained(1.0, killed=KILLED, silent=True, timeout=0.5)
