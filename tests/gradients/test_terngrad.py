import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients import TernGrad, drive_local, vnmse
from beforehand.gradients.terngrad import TernaryShards
from tests.gradients.rounds import layout_of, lognormal, one_round, opened


def test_it_is_unbiased():
    rows, seeds = lognormal(3, 64), 2000
    found = np.array([one_round(TernGrad(seed=seed), rows)[0] for seed in range(seeds)])
    sigma = found.std(axis=0) / seeds**0.5
    assert (abs(found.mean(axis=0) - rows.mean(axis=0)) <= 4 * sigma + 1e-6).all()
    assert TernGrad().unbiased
    assert not TernGrad(clip=2.5).unbiased


@pytest.mark.parametrize("workers", [1, 2, 3, 130])
def test_the_mean_is_a_whole_number_of_steps(workers):
    rows = lognormal(workers, 700)
    mean, _ = one_round(TernGrad(), rows)
    steps = mean.astype(np.float64) * workers / abs(rows).max()
    assert np.allclose(steps, np.rint(steps), atol=1e-4)
    assert abs(steps).max() <= workers + 1e-4
    assert (mean == 0).any()


def test_clipping_costs_bias_and_saves_variance():
    rows = lognormal(4, 2**14)
    plain, clipped = (one_round(codec, rows)[0] for codec in (TernGrad(), TernGrad(clip=2.5)))
    assert vnmse(clipped, rows.mean(axis=0)) < vnmse(plain, rows.mean(axis=0)) / 4


def test_bytes_are_codes_up_and_lanes_back():
    size = 2**20
    lanes = 4 * -(-(size // 4) // 6)  # six lanes of five bits in an int32
    assert TernGrad().wire_bytes(layout_of(size), workers=4) == (3 * 4 + 3 / 4 * size / 4, 3 * lanes)
    assert TernGrad().wire_bytes(layout_of(size), workers=4, transport="aggregator") == (4 + size / 4, 4 * 4 + size)
    assert TernGrad().wire_bytes(layout_of(size), workers=128, transport="aggregator").down == 128 * 4 + 2 * size


def test_what_is_not_finite_arrives_as_in_a_plain_sum():
    rows = lognormal(2, 600)
    rows[1, 5] = -np.inf
    for codec in (TernGrad(), TernGrad(clip=2.5)):
        encoders = opened(codec, layout_of(600), 2)
        mean = drive_local(encoders, rows).means[0]
        assert mean[5] == -np.inf
        assert np.isfinite(np.delete(mean, 5)).all()
        assert encoders[0].last.fallback == "nonfinite"


def test_messages_of_another_length_are_refused():
    shards = TernaryShards(np.zeros(256, np.uint8), 1.0)
    message = shards.finish(shards.accumulate(None, shards.encode(0, 512)), 2)
    with pytest.raises(InvalidInput, match="pass that of this round"):
        shards.decode(message, 0, 1024, 2)
    with pytest.raises(InvalidInput, match="whole groups of 512"):
        _native.ternary_encode(np.zeros(500, np.float32), 1.0, seed=0, stream=0, packed=np.zeros(125, np.uint8))


def test_more_workers_than_lanes_hold_are_refused():
    with pytest.raises(CapacityExceeded, match="at most 32767 workers"):
        TernGrad().open(layout_of(10), rank=0, workers=32768, reduction="combine")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip": 0}, "clip is 0"),
        ({"clip": "2"}, "clip is '2', but must be a number"),
        ({"clip": float("nan")}, "clip is nan"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        TernGrad(**options)
