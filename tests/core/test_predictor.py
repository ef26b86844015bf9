import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core import Predictor, Price
from beforehand.core.errors import InvalidInput

AMOUNT = st.integers(0, 10**6)
PRICES = st.builds(Price, AMOUNT, AMOUNT, AMOUNT)


@given(PRICES, PRICES)
def test_prices_add_up_part_by_part(a, b):
    assert a + b == Price(a.seconds + b.seconds, a.bytes + b.bytes, a.tokens + b.tokens)
    assert a + Price() == a


def test_prices_per_different_things_do_not_add():
    with pytest.raises(InvalidInput, match="a price per call and one per value cannot be added"):
        Price(seconds=1) + Price(seconds=1, per="value")
    with pytest.raises(TypeError):
        Price() + 1


def test_amounts_in_any_other_unit_add_up_and_two_such_units_do_not():
    hours = Price(amount=2, unit="core-hours", per="job")
    assert hours + hours + Price(tokens=3, per="job") == Price(amount=4, unit="core-hours", tokens=3, per="job")
    assert Price(tokens=3, per="job") + hours == Price(amount=2, unit="core-hours", tokens=3, per="job")
    with pytest.raises(InvalidInput, match="a price in core-hours and one in pages cannot be added"):
        hours + Price(amount=1, unit="pages", per="job")


@pytest.mark.parametrize("unit", ["seconds", "bytes", "tokens"])
def test_an_amount_of_a_unit_that_has_a_field_is_that_field(unit):
    assert Price(amount=2, unit=unit) == Price(**{unit: 2})
    assert Price(**{unit: 1, "amount": 2, "unit": unit}) == Price(**{unit: 3})


def test_nothing_has_no_unit_and_an_amount_needs_one():
    assert Price(amount=0.0, unit="pages") == Price()
    with pytest.raises(InvalidInput, match="amount is 3, but has no unit; pass unit="):
        Price(amount=3)


def test_what_is_paid_stands_under_its_unit():
    price = Price(seconds=1.5, bytes=2, tokens=3, amount=4, unit="pages")
    assert price.amounts == {"seconds": 1.5, "bytes": 2, "tokens": 3, "pages": 4}
    assert Price().amounts == {}


@pytest.mark.parametrize("name", ["seconds", "bytes", "tokens", "amount"])
@pytest.mark.parametrize("amount", [-1, math.inf, math.nan])
def test_a_negative_or_endless_price_is_refused(name, amount):
    with pytest.raises(InvalidInput, match=f"{name} is {amount}, but a price must be finite and at least 0"):
        Price(**{name: amount, "unit": "pages"})


def test_a_price_never_changes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Price().seconds = 1.0


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (Price(), "nothing"),
        (Price(seconds=2.4e-9, per="value"), "2.4 ns per value"),
        (Price(seconds=5e-13), "0.0005 ns per call"),
        (Price(seconds=0.0021, bytes=12, tokens=3), "2.1 ms and 12 bytes and 3 tokens per call"),
        (Price(seconds=90), "90 s per call"),
        (Price(bytes=0.25), "0.25 bytes per call"),
        (Price(bytes=5.03e7, per="plan"), "50.3 MB per plan"),
        (Price(bytes=2500), "2.5 kB per call"),
        (Price(amount=1.5, unit="size units", seconds=2, per="job"), "2 s and 1.5 size units per job"),
    ],
)
def test_a_price_reads_in_words(price, words):
    assert str(price) == words


def test_any_object_that_predicts_at_a_price_is_a_predictor():
    class Half:
        price = Price(seconds=1e-6)

        def predict(self, features):
            return features[:, 0] / 2

    assert isinstance(Half(), Predictor)
    assert Half().predict(np.array([[4.0]])) == 2.0
    assert not isinstance(object(), Predictor)
