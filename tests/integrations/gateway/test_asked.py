import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.integrations.gateway.asked import CHAT, RESPONSES, TEXT, read_body, with_fields

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("shell", "search")]


def asked(body, path=CHAT):
    return read_body(path, json.dumps(body).encode())[1]


def test_a_chat_is_read():
    found = asked(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": " this?"}]},
                {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                {"role": "tool", "tool_call_id": "1", "content": "four"},
            ],
            "tools": TOOLS, "user": "anna", "max_tokens": 50, "n": 3, "stream": True, "bh_x": 1,
            "vllm_xargs": {"bh_predicted_tokens": 40, "other": 2},
        }
    )  # fmt: skip
    assert found.sizes[:2] == (9, 22)
    assert (found.tenant, found.max_tokens, found.tools, found.turn) == ("anna", 50.0, ("search", "shell"), 1)
    assert [id for id, _ in found.results] == ["1"]
    assert (found.answers, found.stream, found.hints) == (3, True, {"x": 1, "predicted_tokens": 40})


def test_prompts_are_read_as_text_or_as_tokens():
    assert asked({"prompt": "one two"}, TEXT).sizes == (7,)
    assert asked({"prompt": [5, 6, 7]}, TEXT).tokens == 3
    many = asked({"prompt": [[5, 6], [7]], "max_tokens": 4}, TEXT)
    assert (many.tokens, many.answers, many.max_tokens) == (3, 2, 4)
    assert asked({"prompt": ["a", "b"]}, TEXT).answers == 2
    assert math.isnan(asked({"prompt": ["a", "b"]}, TEXT).tokens)
    assert asked({"prompt": "x"}, TEXT).max_tokens == 16


def test_a_request_of_the_responses_api_is_read():
    body = {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "What is this?"},
            {"type": "function_call", "call_id": "1", "name": "search", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "four"},
        ],
        "tools": [{"type": "function", "name": "search", "parameters": {}}, {"type": "web_search"}],
        "max_output_tokens": 50, "max_tokens": 3, "prompt": {"id": "template"}, "user": "anna", "stream": True,
    }  # fmt: skip
    found = asked(body, RESPONSES)
    assert found.sizes[:2] == (9, 22)
    assert (found.tenant, found.max_tokens, found.tools, found.turn) == ("anna", 50.0, ("search",), 1)
    assert found.results == (("1", 4),)
    assert (found.answers, found.stream) == (1, True)
    assert asked({"input": "one two", "prompt": {}}, RESPONSES).sizes == (7,)
    assert asked({"input": "one two", "prompt": {}}, RESPONSES).max_tokens == math.inf


def test_requests_that_begin_alike_share_their_first_marks():
    first = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    more = [*first, {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}]
    one, two, other = (asked({"messages": each}).marks for each in (first, more, [first[0], more[3]]))
    assert two[:2] == one
    assert other[0] == one[0]
    assert other[1] not in one + two
    apart = [
        asked({"messages": [{"role": "user", "content": each} for each in pair]}).marks[-1]
        for pair in (("a", "bc"), ("ab", "c"))
    ]
    assert apart[0] != apart[1]


def test_results_count_only_at_the_end():
    messages = [{"role": "tool", "tool_call_id": "1", "content": "four"}, {"role": "user", "content": "and now?"}]
    assert asked({"messages": messages}).results == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b'{"messages": 3}',
        b'{"messages": [3]}',
        b"[" * 50_000,
        b'{"prompt": 3}',
    ],
)
def test_what_is_no_request_is_left_alone(body):
    assert read_body(CHAT, body) is None


def test_other_paths_are_left_alone():
    assert read_body("/v1/embeddings", b'{"prompt": "x"}') is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["messages", "input", "prompt", "tools", "user", "n", "max_tokens", "stream", "vllm_xargs", "priority", "bh_x"]
)


@given(fields=st.dictionaries(names, anything), keep=st.booleans(), path=st.sampled_from([CHAT, TEXT, RESPONSES]))
def test_no_body_of_json_breaks_the_reader_and_no_field_is_lost(fields, keep, path):
    body = json.dumps(fields).encode()
    read = read_body(path, body)
    if read is not None:
        new = json.loads(with_fields(body, read[0], 5, {"conversation": "c"}, keep=keep))
        assert new["priority"] == 5
        assert new["vllm_xargs"]["bh_conversation"] == "c"
        left = {
            name: value for name, value in json.loads(body).items() if name not in ("priority", "vllm_xargs", "bh_x")
        }
        assert json.dumps({name: new[name] for name in left}) == json.dumps(left)
        assert "bh_x" not in new


def test_bytes_of_an_ordinary_body_stay_as_they_are():
    body = b'{"messages": [],  "x": "\\u00f6"}\n'
    new = with_fields(body, json.loads(body), 7, {}, keep=False)
    assert new == b'{"messages": [],  "x": "\\u00f6", "priority": 7}'
    assert with_fields(b"{}", {}, 7, {}, keep=False) == b'{"priority": 7}'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le", "utf-8-sig"])
def test_a_body_may_be_in_any_encoding_of_json(encoding):
    body = json.dumps({"prompt": "größer"}, ensure_ascii=False).encode(encoding)
    fields, found = read_body(TEXT, body)
    assert found.sizes == (8,)
    assert json.loads(with_fields(body, fields, 7, {}, keep=False)) == {"prompt": "größer", "priority": 7}


def test_priorities_and_hints_of_clients_are_dropped_unless_they_are_trusted():
    fields = {"priority": -9, "bh_tool": "x", "vllm_xargs": {"bh_predicted_tokens": 1, "other": 2}}
    body = json.dumps(fields).encode()
    strict, trusting = (
        json.loads(with_fields(body, fields, 7, {"predicted_tokens": 50}, keep=keep)) for keep in (False, True)
    )
    assert strict == {"priority": 7, "vllm_xargs": {"other": 2, "bh_predicted_tokens": 50}}
    assert trusting == {"priority": 7, "vllm_xargs": {"other": 2, "bh_predicted_tokens": 1, "bh_tool": "x"}}
    assert json.loads(with_fields(b'{"priority": 1}', {"priority": 1}, 7, {}, keep=False)) == {"priority": 7}
