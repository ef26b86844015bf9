import math
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import Log, ShortestWork, View, replay
from beforehand.scheduling.policies import FIRST, UNKNOWN
from beforehand.scheduling.serving import PROFILES, EngineView
from tests.scheduling.gptj import busy_gptj


def request(**fields):
    return View(0.0, 0, **{"engine": EngineView(), "remaining": 200.0} | fields)


@pytest.mark.parametrize(
    ("decode", "whole", "cached"), [(0, 0.0663752, 0.0015930), (0.5, 0.0794139, 0.0148564), (1, 0.0924525, 0.0281197)]
)
def test_values_worked_out_by_hand(decode, whole, cached):
    policy = ShortestWork(decode=decode)
    assert policy.rank(request(context=1000)) == pytest.approx(whole, abs=5e-8)
    assert policy.rank(request(context=1024, cached=1000.0)) == pytest.approx(cached, abs=5e-8)


def test_no_weight_puts_a_known_request_behind_an_unknown_one():
    assert ShortestWork(decode=1e100).rank(request(context=10, remaining=1e150)) == UNKNOWN


def test_without_a_prediction_it_waits_behind_those_that_have_one_unless_it_needs_none():
    assert ShortestWork().rank(request(remaining=math.nan)) == UNKNOWN
    assert ShortestWork(decode=0).rank(request(remaining=math.nan, context=10)) < 1
    assert ShortestWork().asks(request(remaining=math.nan)) == "expensive"
    assert ShortestWork(decode=0).asks(request(remaining=math.nan)) is None


def test_what_is_in_the_host_tier_is_copied_and_what_is_resident_is_there():
    engine = busy_gptj()
    alone = ShortestWork().rank(request(engine=engine, context=1000, resident=900))
    copied = ShortestWork().rank(request(engine=engine, context=1000, host=900))
    assert copied - alone == pytest.approx(engine.costs.swap_seconds(900))


def test_a_started_segment_keeps_its_place_and_nothing_costs_less_than_a_microsecond():
    assert ShortestWork().rank(request(started=True)) == FIRST
    flat = EngineView(profile=type(PROFILES["gptj-6b-a100-40g"])(
        "flat", tokens=[1], seconds=[0.01], saturation=1, kv_bytes_per_token=1, kv_tokens=100
    ))  # fmt: skip
    assert ShortestWork().rank(request(engine=flat, context=5)) == 1e-6


def test_a_single_server_has_no_engine():
    with pytest.raises(
        InvalidInput, match=r"ShortestWork ranks by .* view.engine is None; on a single server take SPJF"
    ):
        replay(ShortestWork(), Log([1.0, 2.0], expensive=[1.0, 2.0], arrival=[0.0, 0.0]))


def test_a_weight_out_of_range_is_refused():
    with pytest.raises(InvalidInput, match="decode is -1"):
        ShortestWork(decode=-1)


def test_another_unit_of_time_scales_its_rank():
    engine = busy_gptj()
    slow = replace(engine.costs, seconds=2 * np.asarray(engine.costs.seconds), swap_bytes_per_second=12.5e9)
    for fields in ({}, {"resident": 400}, {"host": 400}):
        usual = ShortestWork().rank(request(engine=engine, context=1000, **fields))
        slower = ShortestWork().rank(request(engine=replace(engine, profile=slow), context=1000, **fields))
        assert slower == pytest.approx(2 * usual)
