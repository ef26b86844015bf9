import pytest

import beforehand.scheduling
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import POLICIES, OneBit, SkipPredict
from beforehand.scheduling.policies.stock import name_of


def test_every_stock_policy_has_one_name():
    written = "fcfs spjf pspjf sprpt las onebit skippredict delaypredict trail"  # and so to be read forever
    assert set(written.split()) <= set(POLICIES)
    assert [name_of(SkipPredict(1)), name_of(OneBit(1))] == ["skippredict", "onebit"]


def test_a_policy_of_somebody_else_has_no_name():
    with pytest.raises(InvalidInput, match="must be one of fcfs"):
        name_of(object())


def test_every_stock_policy_is_exported():
    assert {kind.__name__ for kind in POLICIES.values()} <= set(beforehand.scheduling.__all__)
