from dataclasses import replace

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import LAMPS, View
from beforehand.scheduling.policies import FIRST, UNKNOWN
from beforehand.scheduling.policies.view import columns_of
from beforehand.scheduling.serving import EngineView, ToolView
from tests.scheduling.gptj import busy_gptj

CALL = {"return_tokens": 23.0, "after_tokens": 31.0}


def request(engine=None, **fields):
    return View(0.0, 0, context=1000, **{"remaining": 41.0, "engine": engine or busy_gptj()} | fields)


def test_values_worked_out_by_hand():
    with_host = busy_gptj(free_host_tokens=1040)
    preserve = request(with_host, tool=ToolView(seconds=0.7, **CALL))
    swap = request(with_host, tool=ToolView(seconds=0.8, **CALL))
    discard = request(busy_gptj(free_host_tokens=1039), tool=ToolView(seconds=9.0, **CALL))
    assert [round(LAMPS().rank(each), 3) for each in (preserve, discard, swap)] == [1993.897, 1365.902, 1305.592]


def test_a_request_without_a_tool_is_ranked_by_its_memory_time_too():
    alone = LAMPS().rank(request())
    assert alone == pytest.approx(70.449 + 650.116, abs=0.01)
    tool = ToolView(seconds=0.7, **CALL, probability=0.25)
    certain = LAMPS().rank(request(tool=ToolView(seconds=0.7, **CALL)))
    assert LAMPS().rank(request(tool=tool)) == pytest.approx(0.75 * alone + 0.25 * certain)


def test_the_answer_after_the_call_may_be_left_out():
    tool = ToolView(seconds=0.7, **CALL)
    assert LAMPS().rank(request()) + 0.7 * 1040 == pytest.approx(LAMPS(after=False).rank(request(tool=tool)))
    assert LAMPS().rank(request(tool=ToolView(seconds=0.7))) == LAMPS().rank(
        request(tool=ToolView(seconds=0.7, return_tokens=32.0, after_tokens=32.0))
    )


def test_a_call_of_unknown_length_is_never_taken_to_be_preserved():
    engine = busy_gptj()
    unknown, endless = (LAMPS().rank(request(engine, tool=ToolView(seconds=s, **CALL))) for s in (float("nan"), 1e9))
    assert unknown == endless


@pytest.mark.parametrize("after", [1e299, float("inf")])
def test_a_call_beyond_all_numbers_waits_and_one_that_never_comes_counts_for_nothing(after):
    engine = busy_gptj()
    calls = [ToolView(seconds=1.0, return_tokens=after, after_tokens=after, probability=each) for each in (1.0, 0.0)]
    views = [request(engine, tool=each) for each in calls]
    ranks = [LAMPS().rank(each) for each in views]
    assert ranks == [UNKNOWN, LAMPS().rank(request(engine))]
    with np.errstate(over="ignore", invalid="ignore"):
        assert LAMPS().rank_many(columns_of(views), engine).tolist() == ranks


def test_what_is_held_already_is_not_computed_again():
    engine = busy_gptj()
    resident, cached, host = (
        LAMPS().rank(request(engine, **fields)) for fields in ({"resident": 900}, {"cached": 900.5}, {"host": 900})
    )
    assert resident == cached < LAMPS().rank(request(engine))
    assert host - resident == pytest.approx(engine.costs.swap_seconds(900) * 900)


def test_running_requests_keep_their_place_and_unknown_ones_wait():
    assert LAMPS().rank(request(state="running")) == FIRST
    assert LAMPS().rank(request(remaining=float("nan"))) == UNKNOWN
    assert LAMPS().rank(request(remaining=1e100)) <= UNKNOWN


@pytest.mark.parametrize(
    ("engine", "message"), [(None, r"view.engine is None"), (EngineView(), r"tau_p, but they are nan; call EngineView")]
)
def test_an_engine_that_is_missing_or_was_never_updated_is_refused(engine, message):
    with pytest.raises(InvalidInput, match=message):
        LAMPS().rank(View(0.0, 0, predicted=3.0, engine=engine))


def test_another_unit_of_time_scales_its_rank():
    engine, tool = busy_gptj(free_host_tokens=5000), ToolView(seconds=0.9, **CALL)
    slow = replace(engine.costs, seconds=2 * np.asarray(engine.costs.seconds), swap_bytes_per_second=12.5e9)
    slower = replace(engine, profile=slow, tau_d=2 * engine.tau_d, tau_p=2 * engine.tau_p)
    for fields in ({}, {"resident": 400}, {"host": 400}):
        usual = LAMPS().rank(request(engine, tool=tool, **fields))
        assert LAMPS().rank(request(slower, tool=replace(tool, seconds=1.8), **fields)) == pytest.approx(2 * usual)
