"""Whether an answer ends in a tool call."""

import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.scheduling.serving import ToolCalls

TOOLS = ("search", "shell")


def test_the_probability_of_a_call_is_found():
    random, calls = np.random.default_rng(0), ToolCalls()
    for turn in range(3):
        for _ in range(3000):
            calls.observe(TOOLS, turn, "search" if random.random() < (0.9, 0.5, 0.1)[turn] else None)
    assert [calls.predict(TOOLS, turn).probability for turn in range(3)] == pytest.approx([0.9, 0.5, 0.1], abs=0.03)


def test_where_nothing_is_offered_no_call_is_expected():
    calls = ToolCalls()
    for _ in range(20):
        calls.observe(TOOLS, 0, "search")
        calls.observe((), 0, None)
    assert calls.predict((), 0).probability == 0
    assert calls.predict(TOOLS, 0).probability == 21 / 22


def test_before_anything_is_known_a_call_is_as_likely_as_none():
    view = ToolCalls().predict(TOOLS, 0)
    assert (view.probability, view.name, view.return_tokens, view.after_tokens) == (0.5, "search", 32.0, 32.0)
    assert math.isnan(view.seconds)


def test_a_turn_speaks_for_itself_from_eight_answers_on():
    calls = ToolCalls()
    for _ in range(8):
        calls.observe(TOOLS, 0, "search")
    for _ in range(7):
        calls.observe(TOOLS, 5, None)
    assert calls.predict(TOOLS, 5).probability == 9 / 17  # all turns
    calls.observe(TOOLS, 5, None)
    assert calls.predict(TOOLS, 5).probability == 1 / 10
    assert calls.predict(("search",), 5).probability == 9 / 18  # other tools: all answers
    assert calls.predict(TOOLS, 0).probability == 9 / 10


def test_turns_from_the_eighth_on_are_one():
    calls = ToolCalls()
    for turn in range(8, 16):
        calls.observe(TOOLS, turn, "shell")
    calls.observe(TOOLS, 0, None)
    assert calls.predict(TOOLS, 1000).probability == 9 / 10


def test_the_order_in_which_tools_are_offered_does_not_matter():
    calls = ToolCalls()
    for _ in range(8):
        calls.observe(("b", "a"), 0, "a")
    assert calls.predict(("a", "b"), 0) == calls.predict(("b", "a"), 0)


def test_the_tool_called_most_often_brings_its_own_tokens():
    calls = ToolCalls()
    for number in range(10):
        calls.observe(TOOLS, 0, "shell" if number < 7 else "search", return_tokens=number, after_tokens=math.nan)
    view = calls.predict(TOOLS, 0)
    assert (view.name, view.return_tokens, view.after_tokens) == ("shell", 3.0, 32.0)


def test_a_turn_that_has_not_seen_a_tool_leaves_its_tokens_to_the_next_level():
    calls = ToolCalls()
    for _ in range(8):
        calls.observe(TOOLS, 0, "shell", return_tokens=10, after_tokens=4)
        calls.observe(TOOLS, 1, None)
    view = calls.predict(TOOLS, 1)
    assert (view.probability, view.name, view.return_tokens, view.after_tokens) == (1 / 10, "shell", 10.0, 4.0)


def test_names_that_clients_invent_do_not_fill_the_memory():
    calls = ToolCalls()
    for number in range(5000):
        calls.observe((f"offered {number}",), 0, f"called {number}")
    assert len(calls._levels) == 4096
    assert len(calls._all.tools) == 256


@pytest.mark.parametrize(
    "wrong",
    [
        {"offered": "search"},
        {"offered": (1,)},
        {"turn": -1},
        {"turn": 0.5},
        {"tool": 3},
        {"return_tokens": -1.0},
        {"after_tokens": "many"},
    ],
    ids=str,
)
def test_answers_that_cannot_be_are_refused_and_not_counted(wrong):
    calls = ToolCalls()
    with pytest.raises(InvalidInput):
        calls.observe(**{"offered": TOOLS, "turn": 0, "tool": None} | wrong)
    assert calls.predict(TOOLS, 0).probability == 0.5


def test_its_price_is_that_of_a_request():
    assert ToolCalls().price.per == "request"
    assert ToolCalls(price=Price(seconds=1e-3, per="request")).price.seconds == 1e-3
    with pytest.raises(InvalidInput, match="price"):
        ToolCalls(price=0.1)
