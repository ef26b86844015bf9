import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, Adaptive, drive_local, simulate, vnmse
from beforehand.gradients.adaptive import packed, unpacked
from tests.gradients.rounds import layout_of, lognormal, one_round, opened


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_codes_lie_one_behind_the_other_from_the_lowest_bit_on(bits):
    codes = np.random.default_rng(0).integers(0, 2**bits, 64).astype(np.uint8)
    message = packed(codes, bits)
    assert int.from_bytes(message.tobytes(), "little") == sum(int(code) << bits * i for i, code in enumerate(codes))
    assert np.array_equal(unpacked(message, bits), codes)


@pytest.mark.parametrize("reduction", ["combine", "gather"])
def test_it_is_unbiased(reduction):
    rows, seeds = lognormal(2, 256), 400
    codecs = (Adaptive(bits=2, block=256, seed=seed) for seed in range(seeds))
    found = np.array([one_round(codec, rows, reduction=reduction)[0] for codec in codecs])
    sigma = found.std(axis=0) / seeds**0.5
    assert (abs(found.mean(axis=0) - rows.mean(axis=0)) <= 4.5 * sigma + 1e-6).all()


def test_the_error_of_the_own_message_is_known():
    rows = lognormal(1, 2**16)
    encoders = opened(Adaptive(block=1024), layout_of(2**16), 1, reduction="gather")
    errors = []
    for _ in range(20):
        mean = drive_local(encoders, rows).means[0]
        errors.append(((mean - rows[0]).astype(np.float64) ** 2).sum())
    assert np.mean(errors) == pytest.approx(encoders[0].last.squared_error, rel=0.02)


def test_few_values_are_exact_in_a_gather():
    rows = np.random.default_rng(0).choice([-1.5, 0.0, 2.0], (3, 1000)).astype(np.float32)
    mean, _ = one_round(Adaptive(), rows, reduction="gather")
    assert np.array_equal(mean, (rows[0] + rows[1] + rows[2]) / np.float32(3))


def test_it_beats_thc_where_values_are_sparse_and_loses_where_they_are_dense():
    draw = np.random.default_rng(0)
    dense = draw.normal(size=(4, 2**15)).astype(np.float32)
    sparse = (dense * (draw.random(2**15) < 0.01)).astype(np.float32)
    thc, adaptive = THC(bits=4, truncation=2**-7), Adaptive(bits=4, block=4096)
    assert simulate(adaptive, sparse).vnmse < 0.7 * simulate(thc, sparse).vnmse
    assert simulate(adaptive, dense).vnmse > simulate(thc, dense).vnmse
    assert simulate(adaptive, dense).vnmse == pytest.approx(0.022, rel=0.1)


@pytest.mark.parametrize("reduction", ["combine", "gather"])
def test_what_is_not_finite_arrives_as_in_a_plain_sum(reduction):
    rows = lognormal(2, 600)
    rows[1, 5], rows[0, 300] = np.nan, np.inf
    encoders = opened(Adaptive(block=256), layout_of(600), 2, reduction=reduction)
    mean = drive_local(encoders, rows).means[0]
    assert np.isnan(mean[5])
    assert mean[300] == np.inf
    assert np.isfinite(np.delete(mean, [5, 300])).all()
    assert encoders[0].last.fallback == "nonfinite"


def test_bytes_are_tables_and_codes_up_and_integers_back():
    sent = Adaptive(bits=4, block=4096).wire_bytes(layout_of(2**20), workers=4)
    assert sent == (3 / 4 * 2**20 * (0.5 + 64 / 4096), 3 / 4 * 2**20 * (1 + 4 / 256))
    gathered = Adaptive(bits=2, block=1024).wire_bytes(layout_of(2**20), workers=4, transport="gather")
    assert gathered == (3 * 2**20 * (0.25 + 16 / 1024), 0)


def test_messages_of_another_length_are_refused():
    encoder = opened(Adaptive(block=256), layout_of(512), 1)[0]
    shards = next(encoder.reduce(np.ones(512, np.float32))).shards
    whole = shards.encode(0, 512)
    for message in (whole[:-1], shards.encode(0, 256)):
        with pytest.raises(InvalidInput, match="each block of 256 has 192"):
            shards.accumulate(shards.accumulate(None, whole), message)


def test_levels_fit_the_gradient_at_hand():
    rows = lognormal(1, 4096)
    errors = [vnmse(one_round(Adaptive(method=m), rows, reduction="gather")[0], rows[0]) for m in ("exact", "uniform")]
    assert 3 * errors[0] < errors[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 5}, "bits is 5"),
        ({"method": "rotation"}, "method is 'rotation'"),
        ({"block": 128}, "block is 128"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        Adaptive(**options)
