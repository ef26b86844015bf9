import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.integrations.gateway.answered import Answered

CALL = {"id": "7", "function": {"name": "search", "arguments": ""}}


def event(**fields):
    return f"data: {json.dumps(fields)}\n\n".encode()


STREAM = b"".join(
    [
        event(choices=[{"delta": {"role": "assistant", "content": ""}}]),
        *(event(choices=[{"delta": {"content": word}}]) for word in ("ein", "zwei\ndrei", "vier")),
        event(choices=[{"delta": {"tool_calls": [CALL]}}]),
        event(choices=[{"delta": {"tool_calls": [{"function": {"arguments": "{}"}}]}}]),
        b": a comment\n\n",
        b"data: [DONE]\n\n",
    ]
)


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_is_read_however_it_is_cut(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    found = Answered(stream=True)
    for begin, end in itertools.pairwise(places):
        found.feed(STREAM[begin:end])
    found.finish()
    assert (found.tokens, found.calls, found.complete) == (5, [("search", "7")], True)


RESPONSE = {
    "object": "response",
    "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "x"}]},
        {"type": "function_call", "id": "fc", "call_id": "7", "name": "search", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 9, "output_tokens": 11},
}


@pytest.mark.parametrize("spaces", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("end", ["completed", "incomplete", "failed"])
def test_a_stream_of_the_responses_api_ends_with_all_that_it_held(end, spaces):
    kinds = ["created", "output_item.added", *["output_text.delta"] * 3, "function_call_arguments.delta"]
    events = [{"type": f"response.{kind}", "delta": "x", "item": {"content": []}} for kind in kinds]
    events.append({"type": f"response.{end}", "response": RESPONSE})
    found, pieces = Answered(stream=True), []
    for each in events:
        data = json.dumps(each, separators=spaces)
        found.feed(f"event: {each['type']}\ndata: {data}\n\n".encode())
        pieces.append(found.pieces)
    assert pieces == [0, 0, 1, 2, 3, 4, 4]
    assert found.complete == (end != "failed")
    if found.complete:
        assert (found.prompt_tokens, found.tokens, found.calls) == (9, 11, [("search", "7")])


def test_an_answer_of_the_responses_api_in_one_piece_is_read_at_its_end():
    found = Answered(stream=False)
    found.feed(json.dumps(RESPONSE).encode())
    found.finish()
    assert (found.complete, found.prompt_tokens, found.tokens, found.calls) == (True, 9, 11, [("search", "7")])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("response", [{}, {"response": None}, {"response": 3}, {"response": {"output": [3]}}], ids=str)
def test_an_end_of_the_responses_api_that_holds_no_response_is_let_pass(response, stream):
    data = json.dumps({"type": "response.completed"} | response).encode()
    found = Answered(stream=stream)
    found.feed(b"data: " + data + b"\n\n" if stream else data)
    found.finish()
    assert math.isnan(found.tokens)


def test_what_the_engine_counts_goes_before_what_was_seen():
    found = Answered(stream=True)
    found.feed(STREAM + event(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 11}))
    assert (found.prompt_tokens, found.tokens) == (9, 11)


def test_only_pieces_with_text_are_pieces():
    found = Answered(stream=True)
    assert not found.feed(event(choices=[{"delta": {"role": "assistant", "content": ""}}]))
    assert found.feed(event(choices=[{"text": "x"}]))
    assert not found.feed(event(choices=[{"delta": {}, "finish_reason": "stop"}]))


def test_an_answer_in_one_piece_is_read_at_its_end():
    text = json.dumps(
        {"choices": [{"message": {"content": "x", "tool_calls": [CALL]}}], "usage": {"completion_tokens": 3}}
    )
    found = Answered(stream=False)
    found.feed(text[:20].encode())
    found.feed(text[20:].encode())
    assert not found.complete
    found.finish()
    assert (found.tokens, found.calls, found.complete) == (3, [("search", "7")], True)


@given(data=st.binary(max_size=60), stream=st.booleans())
def test_no_bytes_break_it(data, stream):
    found = Answered(stream=stream)
    found.feed(b"data: " + data + b'\n\ndata: 3\ndata: {"choices": [7], "usage": 3}\n')
    found.feed(data)
    found.finish()
    assert math.isnan(found.tokens) or found.tokens <= 2  # a line that looks like a piece counts as one


def test_an_answer_too_long_to_read_is_let_pass(monkeypatch):
    monkeypatch.setattr("beforehand.integrations.gateway.answered.MOST_BYTES", 100)
    found = Answered(stream=True)
    found.feed(b"data: " + b"x" * 200)
    found.feed(STREAM)
    found.finish()
    assert not found.complete
