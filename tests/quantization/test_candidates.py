import math

import numpy as np
import pytest

from beforehand.core.predictor import Price
from beforehand.core.report import Outcome, judge
from beforehand.quantization.candidates import (
    WORTH_IT,
    Candidate,
    Draws,
    Tried,
    choose,
    fewest,
    frontier,
    gain_bits,
    measured,
    outcome,
    promising,
    seconds_per_value,
    weigh,
)
from beforehand.quantization.codec import Codec
from beforehand.quantization.designs import Design
from beforehand.quantization.vectors import Vectors

CODEC = Codec(method="exact", n_levels=16)
UNIFORM = Codec(method="uniform", n_levels=16)


def tried(name, error, bits=4.0, seconds=0.0, codec=CODEC):
    return Tried(name, codec, bits, np.atleast_1d(np.asarray(error, float)), seconds)


@pytest.mark.parametrize(
    ("rate", "net", "verdict"),
    [(None, 3.158, "worth it"), (1.25e8, 3.158 - 2.4, "worth it"), (1.25e9, 3.158 - 24, "don't bother")],
)
def test_lognormal_data_are_worth_it_in_store_and_at_1_gbit_but_not_at_10(rate, net, verdict):
    baseline = tried("uniform", [1.8, 1.8], seconds=4.7e-9)
    weighed = weigh(tried("histogram", [0.0226, 0.0226], seconds=7.1e-9), baseline, rate)
    assert weighed.gain_bits.value == pytest.approx(math.log2(1.8 / 0.0226) / 2)
    assert weighed.net_bits.value == pytest.approx(net, abs=1e-3)
    assert judge(weighed.net_bits, WORTH_IT) == verdict


def test_the_baseline_gains_nothing_at_any_price():
    before = tried("uniform", [1.8, 1.7, 1.9], seconds=1.0)
    weighed = weigh(before, before, 1e9)
    assert weighed.gain_bits == weighed.net_bits == Outcome("uniform", 0.0, 0.0, 0.0)


def test_a_bit_divides_the_error_by_four_and_bytes_beyond_the_baselines_count():
    baseline = tried("NF4", [0.4, 0.4], bits=4.25)
    assert gain_bits(tried("scaled", [0.1, 0.1], bits=4.25), baseline) == pytest.approx([1, 1])
    assert gain_bits(tried("scaled", [0.1, 0.1], bits=5.25), baseline) == pytest.approx([0, 0])
    assert gain_bits(tried("scaled", [0.4, 0.4], bits=4.0), baseline) == pytest.approx([0.25, 0.25])


def test_within_an_error_that_is_allowed_bits_that_are_saved_are_gained():
    baseline, design = tried("rotation", [0.1, 0.1], bits=4.125), tried("levels", [0.2, 0.2], bits=4.0)
    assert weigh(design, baseline, None).gain_bits.value == pytest.approx(-0.375)
    assert weigh(design, baseline, None, max_vnmse=0.3).gain_bits.value == pytest.approx(0.125)
    assert weigh(design, baseline, None, max_vnmse=0.15).gain_bits.value == pytest.approx(-0.375)
    assert weigh(baseline, baseline, None, max_vnmse=0.3).gain_bits.value == 0


def test_an_error_of_zero_gains_much_but_not_all():
    assert 0 < gain_bits(tried("exact", 0.0), tried("uniform", 0.1))[0] <= 32
    assert gain_bits(tried("exact", 0.0), tried("uniform", 0.0))[0] == 0


def test_gains_are_compared_draw_by_draw():
    both = np.array([0.1, 0.01, 1.0])  # the design follows the baseline, whatever is drawn
    weighed = weigh(tried("exact", both / 4), tried("uniform", both), None)
    assert weighed.vnmse.high / weighed.vnmse.low == pytest.approx(100)
    assert weighed.gain_bits.low == pytest.approx(1.0)
    assert weighed.gain_bits.high == pytest.approx(1.0)


def test_a_few_vectors_give_their_smallest_and_largest():
    drawn = Draws(np.array([1.0, 2.0, 4.0]), 0)
    assert outcome("exact", drawn(np.array([0.375, 0.25, 1.0]))) == Outcome("exact", 1.625 / 7, 0.125, 0.375)
    assert outcome("exact", Draws(np.ones(1), 0)(np.array([0.375]))) == Outcome("exact", 0.375, 0.375, 0.375)


def test_vectors_of_zeros_count_nothing():
    assert Draws(np.zeros(3), 0)(np.zeros(3)).tolist() == [0, 0, 0, 0]


def test_many_vectors_give_the_95_percent_interval_of_the_error_of_all():
    values = np.random.default_rng(0).exponential(size=400)
    drawn = Draws(np.ones(400), 0)(values)
    assert drawn.shape == (201,)
    reached = outcome("exact", drawn)
    assert reached.value == pytest.approx(values.mean())
    wide = 1.96 * values.std() / 20
    assert reached.high - reached.low == pytest.approx(2 * wide, rel=0.2)


def test_what_is_told_ahead_varies_as_two_samples_do():
    values = np.random.default_rng(0).exponential(size=400)
    known, ahead = (outcome("exact", Draws(np.ones(400), 0, ahead=way)(values)) for way in (False, True))
    assert known.value == ahead.value
    assert ahead.high - ahead.low == pytest.approx(math.sqrt(2) * (known.high - known.low), rel=0.2)


def test_any_turn_may_be_drawn_and_their_mean_is_the_value():
    turns = np.repeat([[1.0], [2.0], [6.0]], 100, axis=1)
    reached = outcome("rotation", Draws(np.ones(100), 0)(turns))
    assert reached.value == 3
    wide = 1.96 * np.std([1, 2, 6]) / 10
    assert reached.high - reached.low == pytest.approx(2 * wide, rel=0.3)


def test_of_very_many_vectors_neighbors_are_drawn_together():
    values = np.random.default_rng(0).exponential(size=50_000)
    reached = outcome("exact", Draws(np.ones(50_000), 0)(values))
    assert reached.value == pytest.approx(values.mean())
    wide = 1.96 * values.std() / math.sqrt(50_000)
    assert reached.high - reached.low == pytest.approx(2 * wide, rel=0.2)


def test_the_same_seed_draws_the_same_vectors_from_every_design():
    values = np.random.default_rng(0).exponential(size=50)
    five, six = (Draws(np.ones(50), seed) for seed in (5, 6))
    np.testing.assert_allclose(five(3 * values), 3 * five(values))
    assert (five(values) != six(values))[1:].any()


def test_the_frontier_holds_what_errs_clearly_less_than_all_that_take_fewer_bits():
    some = [
        tried("a", 0.1, 4), tried("b", 0.099, 4.1), tried("c", 0.02, 5), tried("d", 0.03, 4.5), tried("e", 0.09, 3.9),
        tried("f", 0.05, 6),
    ]  # fmt: skip
    assert [each.name for each in frontier(some)] == ["e", "d", "c"]


def test_the_smallest_error_within_the_bits_is_chosen_and_of_equals_the_fewest():
    some = [tried("a", 0.1, 4), tried("b", 0.02, 5), tried("c", 0.0199, 5.2), tried("d", 0.001, 7)]
    assert choose(some, 4.5).name == "a"
    assert choose(some, 6).name == "b"
    assert choose(some, math.inf).name == "d"
    assert choose(some, 1).name == "a"  # what comes closest


def test_the_fewest_bits_below_an_error_are_those_of_the_interval():
    some = [tried("a", [0.1, 0.08, 0.2], 4), tried("b", [0.09, 0.05, 0.1], 5), tried("c", [0.01, 0.01, 0.01], 6)]
    assert fewest(some, 0.25).name == "a"
    assert fewest(some, 0.15).name == "b"
    assert fewest(some, 0.001) is None


def test_a_first_look_keeps_what_is_near_the_best_of_all_or_of_those_that_know_nothing():
    some = [
        tried("best", 0.1, 4), tried("near", 0.12, 4.2), tried("far", 0.2, 4.2), tried("less", 0.3, 3),
        tried("baseline", 0.4, 4, codec=UNIFORM), tried("worse", 0.9, 4, codec=UNIFORM),
    ]  # fmt: skip
    assert {each.name for each in promising(some)} == {"best", "near", "less", "baseline"}


def test_bits_are_all_bytes_of_the_price():
    entry = weigh(tried("exact", 0.1, bits=6), tried("uniform", 0.2, bits=4), None)
    assert isinstance(entry, Candidate)
    assert entry.price == Price(seconds=0.0, bytes=0.75, per="value")
    assert (entry.bits, entry.design, entry.knows_nothing) == (6, "exact", False)


def test_the_time_of_a_codec_is_the_least_of_three_taken_in_turns():
    taken = iter([5.0, 9.0, 2.0, 7.0, 3.0, 6.0])  # of the first codec and the second, three times
    assert seconds_per_value(lambda codec: next(taken), [CODEC, UNIFORM]) == [2.0, 6.0]
    assert next(taken, None) is None


SOME = [
    Design("rotation", Codec(method="rotation", n_levels=64, objective="mse", axis=0)),
    Design("unbiased rotation", Codec(method="rotation", n_levels=16, objective="unbiased", axis=0)),
    Design("int4", Codec(method="scaled", n_levels=15, objective="mse", block=32, levels=tuple(range(-7, 8)))),
    Design("rows", Codec(method="auto", n_levels=8, objective="unbiased", axis=0)),
    Design("columns", Codec(method="auto", n_levels=4, objective="mse", axis=1)),
    Design("scaled", Codec(method="scaled", n_levels=16, objective="mse", block=32)),
    Design("uniform", Codec(method="uniform", n_levels=16, objective="mse")),
]


def drawn_rows(random):
    centers = random.standard_normal((8, 64)) * random.lognormal(0, 0.5, 64)
    yield random.standard_normal((384, 64))
    yield random.standard_t(4, (384, 64)) * random.lognormal(-4, 0.4, (384, 1))
    yield centers[random.integers(8, size=384)] + 0.5 * random.standard_normal((384, 64))


def test_what_is_promised_of_drawn_rows_holds_for_as_many_others():
    """Of 95 % intervals over 90 arrays; that of the sample's own mean holds three of four."""
    inside, met = [], []
    for seed in range(30):
        for rows in drawn_rows(np.random.default_rng(seed)):
            sample, others = (Vectors.read(half.astype(np.float32)) for half in (rows[:192], rows[192:]))
            draws = Draws(others.norms, 1)
            known = [each.vnmse for each in measured(sample, SOME, sample.size, seed)]
            found = [outcome(each.name, draws(others.measure(each.codec, 1).errors)) for each in SOME]
            both = list(zip(known, found, strict=True))
            inside.append([known.low <= found.value <= known.high for known, found in both])
            met.append([known.low <= found.high and found.low <= known.high for known, found in both])
    assert np.mean(inside) >= 0.9
    assert np.mean(inside, axis=0).min() >= 0.8
    assert np.mean(met) >= 0.97
    assert np.mean(met, axis=0).min() >= 0.9


def test_intervals_cover_the_luck_of_a_search_for_scales_and_table():
    """Of halves of drawn arrays, whose rows vary less than the tables that are found for them."""
    design = Design("scaled", Codec(method="scaled", n_levels=16, objective="mse", block=32))
    inside = []
    for seed in range(24):
        rows = np.random.default_rng(seed).lognormal(size=(1024, 64)).astype(np.float32)
        sample, others = Vectors.read(rows[::2]), Vectors.read(rows[1::2])
        (promised,) = (each.vnmse for each in measured(sample, [design], sample.size, seed))
        found = others.measure(design.codec, 1).errors.sum() / others.norms.sum()
        inside.append(promised.low <= found <= promised.high)
    assert np.mean(inside) >= 0.9


def test_layers_that_differ_do_not_count_as_luck():
    """The first half of these weights is of another kind than the second."""
    random = np.random.default_rng(0)
    rows = np.concatenate([random.standard_normal((512, 64)), random.uniform(-1, 1, (512, 64))]).astype(np.float32)
    design = Design("scaled", Codec(method="scaled", n_levels=16, objective="mse", block=32))
    (promised,) = (each.vnmse for each in measured(Vectors.read(rows), [design], rows.size, 0))
    assert promised.high < 1.2 * promised.low  # twice if they did
