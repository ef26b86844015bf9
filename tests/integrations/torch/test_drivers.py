"""Rounds over a process group give the bits of rounds in one process."""

import numpy as np
import pytest

from beforehand.core.errors import MissingDependency
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Cast,
    Layout,
    LowRank,
    TernGrad,
    TopK,
    TopKChunked,
    drive_local,
)
from beforehand.integrations.torch.drivers import GroupDriver
from tests.integrations.torch.driver_scenarios import SIZES, row

EXACT = [
    (THC(), "combine"),
    (THC(bits=3, feedback="full"), "combine"),
    (THC(), "sum"),
    (THC(bits="lane", lanes=10), "sum"),
    (THC(bits="lane", lanes=7, feedback="truncation"), "sum"),
    (TernGrad(), "combine"),
    (BlockInt(bits=4, block=32, rounding="stochastic"), "combine"),
    (BlockFloat8(), "combine"),
    (QSGD(), "combine"),
    (Adaptive(block=256), "combine"),
    (Adaptive(block=256), "gather"),
    (TopK(density=0.1), "gather"),
]
ROUNDED = [
    (Cast("float32"), "sum"),
    (Cast("bfloat16"), "sum"),
    (TopKChunked(bits_per_coordinate=4), "sum"),
    (LowRank(start_step=0), "sum"),
]


def local(codec, reduction, workers):
    """What `driver_scenarios.rounds` finds, in this process; and the bytes of one worker."""
    found, sent = [], np.zeros(2)
    for size in SIZES:
        layout = Layout([("weight", (size,))])
        encoders = [codec.open(layout, rank=rank, workers=workers, reduction=reduction) for rank in range(workers)]
        means = []
        for step in range(3):
            made, one = drive_local(encoders, [row(rank, size, step) for rank in range(workers)])
            means.append(made[0])
            sent += one
        found.append(means)
    return found, sent


@pytest.mark.torch
@pytest.mark.parametrize(("codec", "reduction"), EXACT, ids=str)
def test_integers_and_combined_floats_are_those_of_the_local_driver(pair, codec, reduction):
    expected, sent = local(codec, reduction, 2)
    for found, own, seconds in pair.run("driver_scenarios.rounds", codec.to_json(), reduction, 2):
        for means, exact in zip(found, expected, strict=True):
            assert all(np.array_equal(*both) for both in zip(means, exact, strict=True))
        assert own == pytest.approx(tuple(sent))
        assert min(seconds.values()) > 0


@pytest.mark.torch
@pytest.mark.parametrize(("codec", "reduction"), ROUNDED, ids=str)
def test_sums_of_floats_are_those_of_the_local_driver_within_rounding(pair, codec, reduction):
    expected, sent = local(codec, reduction, 2)
    first, second = pair.run("driver_scenarios.rounds", codec.to_json(), reduction, 2)
    for mine, theirs, exact in zip(first[0], second[0], expected, strict=True):
        for one, other, near in zip(mine, theirs, exact, strict=True):
            assert np.array_equal(one, other)
            assert one == pytest.approx(near, rel=1e-2, abs=1e-6)
    assert first[1] == pytest.approx(tuple(sent))


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"GroupDriver needs torch; pip install 'beforehand\[torch\]'"):
        GroupDriver()
