import json

import numpy as np
import pytest

from beforehand.cli.app import run
from beforehand.core import Trace


@pytest.fixture
def trace(tmp_path):
    made = Trace(
        "requests",
        {"arrival": [0.5, 1.5], "tenant": ["a", "b"]},
        children={"calls": ([0, 1, 1], {"seconds": [3.25]})},
        meta={"hour": 7},
    )
    made.save(tmp_path / "t.npz")
    return made


def test_show_says_what_a_trace_holds(capsys, tmp_path, trace):
    assert run(["trace", "show", str(tmp_path / "t.npz")]) == 0
    shown = capsys.readouterr().out
    assert all(
        word in shown for word in ["requests", trace.fingerprint, "arrival", "1.5", "calls.seconds", "3.25", "hour"]
    )


def test_show_speaks_json(capsys, tmp_path, trace):
    assert run(["trace", "show", str(tmp_path / "t.npz"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["columns"]["arrival"] == {"dtype": "float64", "shape": [2], "min": 0.5, "max": 1.5}
    assert (found["kind"], found["rows"], found["meta"]) == ("requests", 2, {"hour": 7})
    assert found["fingerprint"] == trace.fingerprint


def test_show_prints_byte_strings_as_text(capsys, tmp_path):
    Trace("stream", {"key": [b"b\xff", "é".encode()]}).save(tmp_path / "t.npz")
    assert run(["trace", "show", str(tmp_path / "t.npz"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["columns"]["key"]
    assert found == {"dtype": "bytes", "shape": [2], "min": "b\\xff", "max": "é"}


@pytest.mark.parametrize("ending", ["npz", "jsonl", "parquet"])
def test_convert_carries_everything_over(capsys, tmp_path, trace, ending):
    output = tmp_path / f"u.{ending}"
    assert run(["trace", "convert", str(tmp_path / "t.npz"), "-o", str(output)]) == 0
    assert Trace.load(output).fingerprint == trace.fingerprint
    assert "2 rows of requests" in capsys.readouterr().out


def test_a_csv_needs_its_kind(capsys, tmp_path):
    (tmp_path / "t.csv").write_text("size\n1.5\n")
    assert run(["trace", "show", str(tmp_path / "t.csv")]) == 2
    assert "--kind" in capsys.readouterr().err
    assert run(["trace", "show", str(tmp_path / "t.csv"), "--kind", "jobs"]) == 0


def test_a_failed_convert_leaves_no_file(capsys, tmp_path, trace):
    assert run(["trace", "convert", str(tmp_path / "t.npz"), "-o", str(tmp_path / "u.csv")]) == 2
    assert "child table calls" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["t.npz"]


@pytest.mark.parametrize("size", [np.zeros(0), np.array([np.nan, np.inf])])
def test_a_column_without_finite_values_has_no_range(capsys, tmp_path, size):
    Trace("jobs", {"size": size}).save(tmp_path / "t.npz")
    assert run(["trace", "show", str(tmp_path / "t.npz")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-2:] == ["-", "-"]
    assert run(["trace", "show", str(tmp_path / "t.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["columns"]["size"]["min"] is None


def test_a_public_log_of_a_language_model_is_jobs_or_requests_as_asked_for(capsys, tmp_path):
    log = tmp_path / "azure.csv"
    log.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,4808,10\n2023-11-16 18:17:05,3180,8\n")
    for options, kind, columns in (
        ([], "jobs", {"arrival", "size", "prompt_tokens"}),
        (["--kind", "requests"], "requests", {"arrival", "prompt_tokens", "output_tokens"}),
    ):
        assert run(["trace", "convert", str(log), *options, "-o", str(tmp_path / "t.npz")]) == 0
        made = Trace.load(tmp_path / "t.npz")
        assert (made.kind, set(made.columns)) == (kind, columns)
    assert run(["trace", "convert", str(log), "--kind", "stream", "-o", str(tmp_path / "t.npz")]) == 2
    assert "kind is 'stream'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arrival,prompt_tokens,output_tokens\n0,10,5\n1,20,-3\n", "output_tokens is -3 at row 1"),
        ("time;in;out\n0;10;5\n", "there is no column 'arrival' among time;in;out"),
    ],
)
def test_what_cannot_be_served_is_not_written_as_requests(capsys, tmp_path, text, words):
    log = tmp_path / "log.csv"
    log.write_text(text)
    assert run(["trace", "convert", str(log), "--kind", "requests", "-o", str(tmp_path / "t.npz")]) == 2
    assert f"{log}: {words}" in capsys.readouterr().err
    assert not (tmp_path / "t.npz").exists()
