"""Hints: what clients say is taken if it makes sense, and never costs an answer."""

import math

import pytest

from beforehand.integrations.vllm.hints import NONE, read_hints

pytestmark = pytest.mark.vllm


def test_every_hint_is_read():
    extra = {
        "bh_predicted_tokens": 40, "bh_conversation": "c", "bh_tenant": "t", "bh_tool": "search",
        "bh_tool_seconds": 0.5, "bh_tools": ["b", "a", "a"],
        "bh_return_tokens": 9, "bh_after_tokens": 30, "bh_handling": "swap",
        "bh_hold_seconds": 3, "other": object(),
    }  # fmt: skip
    hints = read_hints(extra)
    assert hints.predicted_tokens == 40
    assert (hints.conversation, hints.tenant, hints.tool, hints.handling) == ("c", "t", "search", "swap")
    assert (hints.tool_seconds, hints.return_tokens, hints.after_tokens, hints.hold_seconds) == (0.5, 9, 30, 3)
    assert hints.tools == ("a", "b")
    assert hints.ignored == 0


@pytest.mark.parametrize("extra", [None, {}, {"kv_transfer_params": {"a": 1}}, {3: 4}, ["bh_tool"], 7], ids=repr)
def test_a_request_without_hints_has_none(extra):
    assert read_hints(extra) is NONE


@pytest.mark.parametrize(
    "value", ["40", True, math.nan, math.inf, -1, 1e30, None, [3], {"a": 1}, 10**400], ids=lambda value: repr(value)[:9]
)
def test_a_length_that_makes_no_sense_is_ignored_and_counted(value):
    hints = read_hints({"bh_predicted_tokens": value, "bh_tenant": "t"})
    assert math.isnan(hints.predicted_tokens)
    assert hints.ignored == 1
    assert hints.tenant == "t"


@pytest.mark.parametrize(
    "extra",
    [{"bh_unknown": 1}, {"bh_conversation": ""}, {"bh_tenant": "x" * 257}, {"bh_tools": [1]}, {"bh_tenant": "\ud800"}],
)
def test_unknown_names_and_texts_without_sense_are_counted_too(extra):
    hints = read_hints(extra)
    assert hints.ignored == 1
    assert hints.conversation == hints.tenant == ""


def test_tools_may_be_one_text():
    assert read_hints({"bh_tools": "search, run,,search"}).tools == ("run", "search")
