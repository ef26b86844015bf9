import pytest

from beforehand.integrations.gateway.response_items import as_messages


def test_a_text_is_what_the_user_says():
    assert as_messages({"input": "hello", "instructions": "Be brief."}) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]


def test_all_items_of_an_answer_are_one_message():
    call = {"type": "function_call", "call_id": "7", "name": "search", "arguments": "{}"}
    user = {"role": "user", "content": [{"type": "input_text", "text": "what is this?"}]}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "let me see"}]}
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    result = {"type": "function_call_output", "call_id": "7", "output": "four"}
    messages = as_messages({"input": [user, thought, said, call, call, result, {"role": "assistant", "content": "4"}]})
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "assistant"]
    assert [part["text"] for part in messages[1]["content"]] == ["hm", "let me see"]
    assert messages[1]["tool_calls"] == [call, call]
    assert messages[2] == {"role": "tool", "tool_call_id": "7", "content": "four"}
    assert messages[3]["tool_calls"] is None


@pytest.mark.parametrize("given", [3, [3], [None], [{"type": 3}], [{"role": "assistant", "content": 3}]])
def test_what_is_no_input_raises_what_its_reader_catches(given):
    with pytest.raises((TypeError, AttributeError)):
        as_messages({"input": given})
