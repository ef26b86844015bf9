import math

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.plan.worth import Worth, break_even


@pytest.mark.parametrize("at", [1.5, 3.0, 90.0])
def test_the_break_even_is_where_the_cost_passes_the_other(at):
    found = break_even(lambda x: x, at, (1.0, 100.0), least=0.0)
    assert found == pytest.approx(at, rel=0.05)


def test_what_never_pays_and_what_always_pays_are_told_apart():
    assert break_even(lambda x: x, 0.5, (1.0, 100.0), least=0.0) == 0.0
    assert break_even(lambda x: x, 1.0, (1.0, 100.0), least=0.0) == 0.0  # no better is not worth it
    assert break_even(lambda x: x, 101.0, (1.0, 100.0), least=0.0) == math.inf


def test_few_costs_are_computed():
    asked = []
    break_even(lambda x: asked.append(x) or x, 7.0, (1e-5, 10.0), least=0.0)
    assert len(asked) <= 8


def test_negative_prices_are_refused():
    with pytest.raises(InvalidInput, match="price is -1"):
        Worth(design="A", price=-1.0, price_of_length=0.0)
