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


@pytest.mark.parametrize("name", ["seconds", "bytes", "tokens"])
@pytest.mark.parametrize("amount", [-1, math.inf, math.nan])
def test_a_negative_or_endless_price_is_refused(name, amount):
    with pytest.raises(InvalidInput, match=f"{name} is {amount}, but a price must be finite and at least 0"):
        Price(**{name: amount})


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
