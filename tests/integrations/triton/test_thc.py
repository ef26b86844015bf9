"""Rounds on a device have the bits of rounds on the host, whoever takes part."""

import importlib

import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients import THC, Layout, drive_local

pytestmark = pytest.mark.triton
CODECS = [
    (THC(), "combine", 3),
    (THC(bits=3, feedback="full"), "combine", 2),
    (THC(bits=2, feedback="truncation", granularity=30), "combine", 4),
    (THC(lanes=16, granularity=1023), "combine", 5),
    (THC(), "sum", 2),
    (THC(bits="lane"), "sum", 4),
    (THC(bits="lane", lanes=10, feedback="full"), "sum", 3),
    (THC(bits="lane", lanes=12, feedback="truncation"), "sum", 2),
]
LAYOUT = Layout([("weight", (50, 60)), ("bias", (50,))])


@pytest.fixture(scope="module")
def hosted(device):
    """The class, whose module asks where kernels run when it is imported."""
    return importlib.import_module("tests.integrations.triton.hosted").Hosted


def rows(workers, steps):
    """Gradients whose lengths differ, and which agree more and more; in the second step one is infinite."""
    draw = np.random.default_rng(workers)
    common = draw.standard_normal(LAYOUT.size)
    for step in range(steps):
        own = draw.standard_normal((workers, LAYOUT.size)) * draw.lognormal(size=(workers, 1))
        given = (own / (step + 1) + step * common).astype(np.float32)
        if step == 1:
            given[0, 7] = np.inf
        yield list(given)


@pytest.mark.parametrize(("codec", "reduction", "workers"), CODECS, ids=str)
def test_ranks_on_host_and_device_hold_the_means_and_states_of_ranks_on_the_host(
    hosted, device, codec, reduction, workers
):
    options = {"workers": workers, "reduction": reduction, "bucket": 4095, "step": 2**32 - 2}
    host = [codec.open(LAYOUT, rank=rank, **options) for rank in range(workers)]
    mixed = [hosted(codec, LAYOUT, device, rank=rank, **options) for rank in range(workers)]
    mixed[1] = codec.open(LAYOUT, rank=1, **options)
    for given in rows(workers, 4):
        expected, found = (drive_local(encoders, given, loss_scale=3.0) for encoders in (host, mixed))
        assert expected.sent == found.sent
        for one, other in zip(expected.means, found.means, strict=True):
            assert one.tobytes() == other.tobytes()
        assert host[0].last == mixed[0].last
        kept, other = host[0].state(), mixed[0].encoder.state()
        assert kept.keys() == other.keys()
        assert all(np.array_equal(kept[key], other[key]) for key in kept)


def test_a_state_of_the_host_goes_on_on_the_device_and_back(hosted, device):
    codec, options = THC(feedback="full"), {"workers": 2, "reduction": "combine"}
    encoders = [codec.open(LAYOUT, rank=rank, **options) for rank in range(2)]
    straight = [codec.open(LAYOUT, rank=rank, **options) for rank in range(2)]
    for step, given in enumerate(rows(2, 4)):
        expected, found = drive_local(straight, given), drive_local(encoders, given)
        assert expected.means[0].tobytes() == found.means[0].tobytes()
        states = [getattr(each, "encoder", each).state() for each in encoders]
        if step % 2 == 0:
            encoders = [hosted(codec, LAYOUT, device, rank=rank, step=step + 1, **options) for rank in range(2)]
        else:
            encoders = [codec.open(LAYOUT, rank=rank, step=step + 1, **options) for rank in range(2)]
        for each, state in zip(encoders, states, strict=True):
            getattr(each, "encoder", each).load(state)


def test_what_is_zero_for_all_stays_zero(hosted, device):
    codec, options = THC(feedback="truncation"), {"workers": 2, "reduction": "combine"}
    encoders = [hosted(codec, LAYOUT, device, rank=rank, **options) for rank in range(2)]
    given = np.zeros(LAYOUT.size, np.float32)
    given[2500:] = 1  # the first piece is zero
    for _ in range(2):
        means = drive_local(encoders, [given, given]).means
    assert not means[0][:2048].any()
    assert np.abs(means[0][2500:]).max() > 0


def test_a_bucket_that_kernels_cannot_count_is_refused(hosted, device):
    with pytest.raises(
        CapacityExceeded, match="bucket has 1073741825 coordinates, but kernels take at most 1073741824"
    ):
        hosted(THC(), Layout([("weight", (2**30 + 1,))]), device, rank=0, workers=2, reduction="combine")
