import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients import BlockInt, drive_local, vnmse
from tests.gradients.rounds import layout_of, lognormal, one_round, opened


@pytest.mark.parametrize(
    ("codec", "error"),
    [
        (BlockInt(bits=8, block=256), 3.0e-4),
        (BlockInt(bits=8, block=256, scale_dtype="bfloat16"), 3.0e-4),
        (BlockInt(bits=4, block=32), 2.5e-2),
    ],
)
def test_one_worker_errs_once_as_its_mean_is_on_the_grid_already(codec, error):
    row = lognormal(1, 2**16)
    mean, _ = one_round(codec, row)
    assert vnmse(mean, row[0]) == pytest.approx(error, rel=0.3)


def test_every_value_is_within_half_a_step_in_each_direction():
    rows = lognormal(4, 1000)
    for rounding, steps in (("nearest", 1), ("stochastic", 2)):
        mean, _ = one_round(BlockInt(bits=8, block=64, rounding=rounding), rows)
        blocks = np.pad(abs(rows), ((0, 0), (0, 24))).reshape(4, 16, 64).max(axis=2)
        step = np.repeat(blocks.mean(axis=0), 64)[:1000] / 127  # up, on average; down, the mean has no larger step
        assert (abs(mean - rows.mean(axis=0)) <= 1.01 * steps * step).all()


def test_stochastic_rounding_is_unbiased_both_ways():
    rows, seeds = lognormal(2, 64), 2000
    found = np.array(
        [one_round(BlockInt(bits=4, block=32, rounding="stochastic", seed=s), rows)[0] for s in range(seeds)]
    )
    sigma = found.std(axis=0) / seeds**0.5
    assert (abs(found.mean(axis=0) - rows.mean(axis=0)) <= 4 * sigma + 1e-6).all()
    assert BlockInt(rounding="stochastic").unbiased
    assert not BlockInt().unbiased


def test_bytes_are_codes_and_scales_both_ways():
    sent = BlockInt(bits=8, block=256).wire_bytes(layout_of(2**20), workers=4)
    assert sent.total == 2 * 3 / 4 * 2**20 * (1 + 4 / 256)
    short = BlockInt(bits=4, block=32, scale_dtype="bfloat16").wire_bytes(layout_of(2**20), workers=4)
    assert short.total == 2 * 3 / 4 * 2**20 * (1 / 2 + 2 / 32)


def test_feedback_keeps_what_the_own_message_lacked():
    rows = lognormal(2, 300)
    encoders = opened(BlockInt(bits=4, block=32, feedback="full"), layout_of(300), 2)
    drive_local(encoders, rows)
    for encoder, row in zip(encoders, rows, strict=True):
        rest = encoder.state()["feedback/weight"]
        step = np.pad(abs(row), (0, 20)).reshape(-1, 32).max(axis=1).repeat(32)[:300] / 7
        assert (abs(rest) <= 0.501 * step).all()
        assert rest.any()


def test_a_bucket_beyond_the_streams_is_refused():
    with pytest.raises(CapacityExceeded, match="bucket is 4096"):
        BlockInt().open(layout_of(10), rank=0, workers=1, reduction="combine", bucket=4096)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 5}, "bits is 5"),
        ({"block": 48}, "block is 48"),
        ({"rounding": "up"}, "rounding is 'up'"),
        ({"scale_dtype": "float16"}, "scale_dtype is 'float16'"),
        ({"feedback": "truncation"}, "feedback is 'truncation'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        BlockInt(**options)
