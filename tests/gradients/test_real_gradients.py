"""What is promised of noise holds for gradients of a network in training."""

import pytest

from beforehand.gradients import THC, simulate
from tests.gradients import digits

STEPS = range(3)
FIXED = [
    THC(granularity=30, truncation=1 / 32),
    THC(truncation=1 / 128),
    THC(bits=2, truncation=1 / 16),
    THC(bits="lane", truncation=1 / 512),
]


@pytest.mark.parametrize("index", STEPS)
@pytest.mark.parametrize("codec", FIXED, ids=str)
def test_the_error_is_the_one_foretold(codec, index):
    rows = digits.gradients()[index]
    found = simulate(codec, rows, rounds=14).per_round[6:].mean()
    assert found == pytest.approx(codec.foretell(rows), rel=0.03)


@pytest.mark.parametrize("index", STEPS)
def test_the_chosen_table_is_near_the_best_of_the_four(index):
    rows = digits.gradients()[index]
    chosen = simulate(THC(), rows, rounds=14).per_round[6:].mean()
    each = [simulate(THC(truncation=2.0**-k), rows, rounds=8).vnmse for k in (5, 7, 9, 11)]
    assert chosen <= 1.05 * min(each)
    assert chosen <= 1.03 * each[0]


@pytest.mark.parametrize("index", STEPS)
def test_filled_lanes_beat_codes_by_far_at_the_bytes_of_a_sum(index):
    rows = digits.gradients()[index]
    filled, codes = (simulate(codec, rows, rounds=14).per_round[6:].mean() for codec in (THC(bits="lane"), THC()))
    assert filled < codes / 6
