import math

import numpy as np
import pytest

from beforehand.core.predictor import Price
from beforehand.core.report import Outcome, judge
from beforehand.quantization import candidates
from beforehand.quantization.candidates import WORTH_IT, Candidate, choose, draws, outcome, weigh
from beforehand.quantization.codec import Codec
from beforehand.quantization.vectors import Vectors

CODEC = Codec(method="exact", n_levels=16)


def candidate(design, vnmse=0.1, bits=4, seconds=0.0, net=0.0):
    none = Outcome(design, 0.0, 0.0, 0.0)
    return Candidate(
        codec=CODEC,
        bits=bits,
        vnmse=Outcome(design, vnmse, vnmse, vnmse),
        price=Price(seconds=seconds, bytes=bits / 8, per="value"),
        gain_bits=none,
        net_bits=Outcome(design, net, net, net),
    )


def lognormal(rate):
    """The worked example: 2**20 lognormal values, 4 bits; uniform levels err 1.80, and 0.0226 if there are 191."""
    power = math.log(1.80 / 0.0226) / math.log(191 / 16)
    baseline = weigh("uniform", CODEC, 4, np.array([1.8, 1.8]), Price(4.7e-9, 0.5, per="value"), bytes_per_second=rate)
    return weigh(
        "histogram",
        CODEC,
        4,
        np.array([0.0226, 0.0226]),
        Price(7.1e-9, 0.5, per="value"),
        against=(baseline, lambda s: 1.8 * np.array([1.0, 1.0]) * (s / 16) ** -power),
        bytes_per_second=rate,
    )


@pytest.mark.parametrize(
    ("rate", "net", "verdict"),
    [(None, 3.577, "worth it"), (1.25e8, 3.577 - 2.4, "worth it"), (1.25e9, 3.577 - 24, "don't bother")],
)
def test_lognormal_data_are_worth_it_in_store_and_at_1_gbit_but_not_at_10(rate, net, verdict):
    weighed = lognormal(rate)
    assert weighed.gain_bits.value == pytest.approx(math.log2(191 / 16))
    assert weighed.net_bits.value == pytest.approx(net, abs=1e-3)
    assert judge(weighed.net_bits, WORTH_IT) == verdict


def test_the_baseline_gains_nothing_at_any_price():
    weighed = weigh("uniform", CODEC, 4, np.array([1.8, 1.7, 1.9]), Price(1.0, 9.0, per="value"), bytes_per_second=1e9)
    assert weighed.gain_bits == weighed.net_bits == Outcome("uniform", 0.0, 0.0, 0.0)


def test_bytes_of_tables_are_charged_with_and_without_a_link():
    baseline = weigh("uniform", CODEC, 4, np.array([0.1, 0.1]), Price(0, 0.5, per="value"))
    against = (baseline, lambda s: np.array([0.1, 0.1]) * (16 / s) ** 2)
    for rate in (None, 1.0):
        weighed = weigh(
            "exact",
            CODEC,
            4,
            np.array([0.025, 0.025]),
            Price(0, 0.75, per="value"),
            against=against,
            bytes_per_second=rate,
        )
        assert weighed.gain_bits.value == pytest.approx(1.0)
        assert weighed.net_bits.value == pytest.approx(1.0 - 8 * 0.25)


@pytest.mark.parametrize(("method", "gain"), [("uniform", 6.0), ("rotation", 4.0)])
def test_rotation_has_at_most_256_levels_to_make_up_with_and_uniform_levels_have_more(method, gain):
    baseline = weigh(method, Codec(method=method, n_levels=16), 4, np.full(2, 0.1), Price(0, 0.5, per="value"))
    errors = np.full(2, 0.1 * (16 / 1024) ** 2)  # as the baseline has with 1024 levels
    weighed = weigh(
        "exact", CODEC, 4, errors, Price(per="value"), against=(baseline, lambda s: 0.1 * np.ones(2) * (16 / s) ** 2)
    )
    assert weighed.gain_bits.value == pytest.approx(gain)


def test_gains_are_compared_draw_by_draw():
    both = np.array([0.1, 0.01, 1.0])  # the design follows the baseline, whatever is drawn
    baseline = weigh("uniform", CODEC, 4, both, Price(per="value"))
    weighed = weigh("exact", CODEC, 4, both / 4, Price(per="value"), against=(baseline, lambda s: both * (16 / s) ** 2))
    assert weighed.vnmse.high / weighed.vnmse.low == pytest.approx(100)
    assert weighed.gain_bits.low == pytest.approx(1.0)
    assert weighed.gain_bits.high == pytest.approx(1.0)


def test_a_few_vectors_give_their_smallest_and_largest():
    values = np.array([0.375, 0.125, 0.25])
    assert outcome("exact", draws(values, seed=0)) == Outcome("exact", 0.25, 0.125, 0.375)
    assert outcome("exact", draws(values[:1], seed=0)) == Outcome("exact", 0.375, 0.375, 0.375)


def test_many_vectors_give_the_95_percent_interval_of_their_mean():
    values = np.random.default_rng(0).exponential(size=400)
    drawn = draws(values, seed=0)
    reached = outcome("exact", drawn)
    assert drawn.shape == (201,)
    assert reached.value == values.mean()
    wide = 1.96 * values.std() / 20
    assert reached.high - reached.low == pytest.approx(2 * wide, rel=0.2)


def test_the_same_seed_draws_the_same_vectors_from_every_design():
    values = np.random.default_rng(0).exponential(size=50)
    np.testing.assert_allclose(draws(3 * values, seed=5), 3 * draws(values, seed=5))
    assert (draws(values, seed=5) != draws(values, seed=6))[1:].any()


def test_an_interval_holds_its_value_even_if_no_draw_does():
    assert outcome("exact", np.array([1.0] + 200 * [2.0])) == Outcome("exact", 1.0, 1.0, 2.0)


def test_with_a_link_the_largest_net_gain_is_chosen():
    some = [
        candidate("uniform", vnmse=0.5),
        candidate("exact", vnmse=0.1, net=-1),
        candidate("histogram", vnmse=0.2, net=1),
    ]
    assert choose(some, 1e9).design == "histogram"
    assert choose(some[:2], 1e9).design == "uniform"


def test_without_a_link_the_smallest_error_is_chosen_and_of_equals_the_fastest():
    some = [
        candidate("uniform", vnmse=0.5, seconds=1e-9),
        candidate("exact", vnmse=0.1, seconds=3e-9),
        candidate("histogram", vnmse=0.1019, seconds=2e-9),
        candidate("static", vnmse=0.1021, seconds=1e-9),
    ]
    assert choose(some, None).design == "histogram"
    assert choose([some[0], some[1], some[3]], None).design == "exact"


def test_without_a_link_fewer_bits_come_before_a_smaller_error():
    some = [candidate("uniform", vnmse=0.01, bits=6), candidate("exact", vnmse=0.09, bits=4)]
    assert choose(some, None).design == "exact"


def test_the_bytes_of_tables_are_what_codes_leave_of_the_price():
    entry = weigh("exact", CODEC, 4, np.array([0.1, 0.1]), Price(0.0, 0.75, per="value"))
    assert entry.table_bytes == 0.25


def test_the_time_of_a_codec_is_the_least_of_five_taken_in_turns(monkeypatch):
    taken = iter([5.0, 9.0, 2.0, 7.0, 3.0, 6.0, 4.0, 8.0, 5.0, 7.0])  # of the first codec and the second, five times
    monkeypatch.setattr(candidates, "measured", lambda vectors, codec, seed: (None, next(taken)))
    codecs = [CODEC, Codec(method="uniform", n_levels=16)]
    assert candidates.seconds_per_value(Vectors.read(np.zeros((4, 8), np.float32)), codecs, 0) == [2.0, 6.0]
    assert next(taken, None) is None
