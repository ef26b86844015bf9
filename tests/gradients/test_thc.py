import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients import THC, Layout, correlation, simulate

MILLION = Layout([("weight", (1_396_544,))])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 5}, "bits is 5"),
        ({"bits": 4.0}, "bits is 4.0"),
        ({"lanes": 11}, "lanes is 11"),
        ({"feedback": "some"}, "feedback is 'some'"),
        ({"truncation": 0.5}, "truncation is 0.5"),
        ({"truncation": "often"}, "truncation is 'often'"),
        ({"truncation": 1}, "truncation is 1"),
        ({"granularity": 30.0}, "granularity is 30.0, but must be a whole number"),
        ({"granularity": 14}, "from 15 to 1023"),
        ({"bits": "lane", "granularity": 2}, "from 3 to 1023"),
        ({"granularity": 1024}, "from 15 to 1023"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_an_option_out_of_range_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        THC(**options)


@pytest.mark.parametrize(
    ("codec", "workers", "granularity"),
    [
        (THC(), 2, 127),
        (THC(), 4, 63),
        (THC(), 8, 31),
        (THC(), 17, 15),
        (THC(lanes=16), 64, 127),
        (THC(bits="lane"), 4, 63),
        (THC(bits="lane", lanes=12), 4, 1023),
        (THC(bits="lane", lanes=16), 1, 1023),
        (THC(granularity=30), 8, 30),
    ],
)
def test_the_granularity_is_what_the_lanes_hold(codec, workers, granularity):
    assert codec.granularity_for(workers) == granularity
    assert {table.granularity for table in codec.tables(workers)} == {granularity}


@pytest.mark.parametrize(
    ("codec", "workers", "message"),
    [
        (THC(), 18, "leave 18 workers a granularity of 14"),
        (THC(granularity=30), 9, "270 > 255"),
        (THC(bits="lane", lanes=5), 16, "needs 3"),
    ],
)
def test_an_overflow_is_refused_before_the_first_round(codec, workers, message):
    with pytest.raises(CapacityExceeded, match=message):
        codec.open(MILLION, rank=0, workers=workers, reduction="sum")
    with pytest.raises(CapacityExceeded, match=message):
        codec.wire_bytes(MILLION, workers=workers)


def test_every_code_at_the_maximum_fills_the_lanes_and_no_more():
    rows = np.zeros((17, 1024), np.float32)
    rows[:, 0] = 1e20  # rotated, every coordinate is at +-1 standard deviation: far inside
    codec = THC(granularity=15, truncation=0.4)  # t = 0.84: all are cut off
    found = simulate(codec, rows)
    assert found.at_limit == 1
    assert np.isfinite(found.mean).all()
    assert found.mean[0] == pytest.approx(1e20 * 0.8416, rel=1e-3)


def test_codes_belong_to_combine_and_lanes_to_sum():
    with pytest.raises(InvalidInput, match="THC can use sum"):
        THC(bits="lane").open(MILLION, rank=0, workers=2, reduction="combine")
    with pytest.raises(InvalidInput, match="THC takes auto, allreduce"):
        THC(bits="lane").wire_bytes(MILLION, workers=2, transport="two_shot")


def test_bytes_are_those_of_the_formula():
    half = {n: (n - 1) / n for n in (2, 4)}
    for n in (2, 4):
        codec, size = THC(granularity=127 if n == 2 else 63), MILLION.size
        assert codec.wire_bytes(MILLION, workers=n).total == pytest.approx(1.5 * half[n] * size, rel=0.001)
        allreduce = codec.wire_bytes(MILLION, workers=n, transport="allreduce")
        assert allreduce.total == pytest.approx(2 * half[n] * size, rel=0.001)
        assert 4 * half[n] * size / codec.wire_bytes(MILLION, workers=n).total > 2.6  # fp16
    up, down = THC().wire_bytes(MILLION, workers=4, transport="aggregator")
    assert (up, down) == pytest.approx((0.5 * MILLION.size, MILLION.size), rel=0.001)


def lognormal(n, size=2**16):
    random = np.random.default_rng(3)
    return (random.lognormal(size=(n, size)) * random.choice([-1, 1], (n, size))).astype(np.float32)


def test_the_published_table_has_its_measured_error():
    codec = THC(granularity=30, truncation=1 / 32)
    normal = np.random.default_rng(0).standard_normal((1, 2**17)).astype(np.float32)
    for rows in (normal, lognormal(1)):
        assert simulate(codec, rows, rounds=20).vnmse == pytest.approx(0.0203, rel=0.03)
    identical = np.tile(lognormal(1), (4, 1))
    assert simulate(codec, identical, rounds=20).vnmse == pytest.approx(0.0105, rel=0.03)


@pytest.mark.parametrize(("workers", "most"), [(4, 0.55), (8, 0.40)])
def test_workers_who_agree_get_a_table_for_that(workers, most):
    rows = np.tile(lognormal(1, 2**14), (workers, 1))
    published = simulate(THC(granularity=30, truncation=1 / 32), rows, rounds=20).vnmse
    assert simulate(THC(), rows, rounds=30).per_round[10:].mean() <= most * published


def test_lanes_that_are_filled_beat_codes_at_equal_bytes():
    rows = np.random.default_rng(1).standard_normal((4, 2**14)).astype(np.float32)
    filled = simulate(THC(bits="lane"), rows, rounds=12)
    codes = simulate(THC(bits=4, truncation=1 / 64), rows, rounds=4)
    assert filled.per_round[4:].mean() <= codes.vnmse / 8
    assert THC(bits="lane").wire_bytes(MILLION, workers=4) == THC().wire_bytes(
        MILLION, workers=4, transport="allreduce"
    )


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("agreement", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("scales", [(1, 1, 1, 1), (1, 0.5, 0.25, 0.8)])
def test_the_error_is_that_of_the_theory(bits, agreement, scales):
    random = np.random.default_rng(2)
    common, own = random.standard_normal(2**15), random.standard_normal((4, 2**15))
    rows = np.array(scales)[:, None] * (np.sqrt(agreement) * common + np.sqrt(1 - agreement) * own)
    codec = THC(bits=bits, truncation=1 / 32)
    expected = codec.expected_vnmse(4, correlation=correlation(rows), norms=np.linalg.norm(rows, axis=1).tolist())
    assert simulate(codec, rows, rounds=8).vnmse == pytest.approx(expected, rel=0.03)


def test_padding_lowers_the_error_by_the_share_it_adds():
    rows = np.random.default_rng(2).standard_normal((2, 15_600)).astype(np.float32)
    codec = THC(truncation=1 / 32)
    expected = codec.expected_vnmse(2, correlation=correlation(rows), fill=15_600 / 16_384)
    assert simulate(codec, rows, rounds=30).vnmse == pytest.approx(expected, rel=0.02)


def test_rounding_is_unbiased_where_nothing_is_cut_off():
    rows = np.random.default_rng(4).standard_normal((2, 1024)).astype(np.float32)
    seeds = 400
    codecs = [THC(granularity=100, truncation=1e-9, seed=seed) for seed in range(seeds)]
    errors = np.array([simulate(codec, rows).mean - rows.mean(axis=0) for codec in codecs])
    z = errors.mean(axis=0) / (errors.std(axis=0) / np.sqrt(seeds))
    assert abs(z).max() < 4.5  # of 1,024
    assert z.std() == pytest.approx(1, abs=0.1)


def test_full_feedback_sums_to_the_truth_and_truncation_feedback_brings_back_what_was_cut_off():
    rows = lognormal(4, 2**13)
    none, cut, full = (
        simulate(THC(truncation=1 / 16, feedback=kind), rows, rounds=20).cumulative
        for kind in ("none", "truncation", "full")
    )
    assert full < cut / 4 < none / 8


def test_what_is_foretold_of_one_piece_is_the_error_of_the_bucket():
    rows = np.random.default_rng(7).standard_normal((4, 4096)) * [[1.0], [0.5], [2.0], [1.0]]
    norms = np.linalg.norm(rows, axis=1).tolist()
    for codec in (THC(), THC(bits="lane"), THC(bits=2, truncation=1 / 16)):
        whole = codec.expected_vnmse(4, correlation=correlation(rows), norms=norms)
        assert codec.foretell(rows) == pytest.approx(whole)


def test_what_is_foretold_of_zeros_and_of_workers_who_cancel():
    assert THC().foretell(np.zeros((2, 100))) == 0
    assert THC().foretell([[1.0, 2.0], [-1.0, -2.0]]) == np.inf
    zero_piece = np.zeros((2, 3072))
    zero_piece[:, :2048] = 1.0
    assert 0 < THC().foretell(zero_piece) < 0.05
    for bad in (np.zeros(3), np.zeros((0, 3)), np.zeros((2, 0))):
        with pytest.raises(InvalidInput, match="one row for each worker"):
            THC().foretell(bad)
