import json

import pytest

from beforehand.__main__ import main
from beforehand.cli import serving_probe
from beforehand.core.errors import InvalidInput


@pytest.fixture
def told(tmp_path):
    def write(text, name="prompts.jsonl"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_text_file_has_a_prompt_a_line(told):
    assert serving_probe._read(told("one two\n\nsix\n", "prompts.txt")) == [
        {"prompt": "one two"},
        {"prompt": "six"},
    ]


def test_token_ids_need_no_tokenizer(told):
    lines = [{"prompt": [3, 4], "answer": [5, 1]}, {"prompt": [3]}]
    given = serving_probe._read(told("\n".join(map(json.dumps, lines))))
    assert serving_probe._tokenized("no model", given, False) == [([3, 4], [5, 1]), [3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1, is not JSON"),
        ("[" * 100_000, "line 1, is not JSON"),
        ('{"prompt": "a"}\n7', "line 2, has no prompt"),
        ('{"text": "a"}', 'line 1, has no prompt; write an object such as {"prompt": "text"}'),
        ('{"prompt": null}', "line 1, has no prompt"),
        ('{"prompt": "a", "answer": 7}', "has an answer that is neither text nor token ids"),
        (b"\xff\xfe", "is no text in UTF-8"),
    ],
)
def test_what_holds_no_prompts_is_refused(told, text, words):
    with pytest.raises(InvalidInput, match=words):
        serving_probe._read(told(text))


def test_wrong_options_are_refused_in_one_line(told, monkeypatch, capsys):
    path = str(told('{"prompt": [3]}'))
    start = ["beforehand", "scheduling", "train-probe", "--model", "none", "--prompts"]
    for options, words in (
        ([path, "--output", "probe.csv"], "probe.csv must end in .npz"),
        ([path, "--bins", "many"], "'many' is not a whole number"),
        ([path, "--layers", "1,x"], "'x' is not a whole number"),
        ([path], "prompts are 1, but a probe needs at least 50"),
        (["missing.txt"], "missing.txt cannot be read"),
    ):
        monkeypatch.setattr("sys.argv", [*start, *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
