import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from beforehand import streams
from beforehand.cli import streams as group
from beforehand.cli.app import run
from beforehand.core import Trace
from tests.cli.commands import commands

KEYS = [f"/page/{rank}" for rank in np.random.default_rng(0).zipf(1.5, 20_000) % 1000]
COUNTS = Counter(KEYS)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "x.log").write_text("\n".join(KEYS) + "\n")
    return tmp_path


def json_of(capsys, *command):
    capsys.readouterr()
    assert run(["streams", *command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *command):
    assert run(["streams", *command]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("beforehand: ")
    assert error.count("\n") == 1
    return error


def test_the_commands_are_these():
    assert set(commands(group.app)) >= {"merge", "show", "top", "train"}


def test_top_names_the_heaviest_keys_within_their_bounds(capsys):
    for more in ([], ["--policy", "exact", "--memory", "4KiB"], ["--policy", "assoc", "--seed", "5"]):
        found = json_of(capsys, "top", "x.log", "--k", "5", *more)
        assert [each["key"] for each in found["keys"]] == [key for key, _ in COUNTS.most_common(5)]
        for rank, each in enumerate(found["keys"], 1):
            assert each["lower"] <= COUNTS[each["key"]] <= each["upper"] <= each["lower"] + found["error_bound"]
            assert each["share"] == each["estimate"] / len(KEYS)
            assert each["rank"] == rank
        assert (found["total"], found["skipped"], found["key"]) == (len(KEYS), 0, "str")
        assert (found["summary"], found["memory"] <= 1.01 * 2**18) == (more[1] if more else "gated", True)


def test_the_table_shows_bounds_shares_and_what_is_certain(capsys):
    assert run(["streams", "top", "x.log", "--k", "2", "--policy", "exact"]) == 0
    first, *_ = COUNTS.most_common(1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rank", "key", "estimate", "lower", "upper", "share"]
    assert lines[1].split()[:4] == ["1", first[0], f"{first[1]:,}", f"{first[1]:,}"]
    below = "\n".join(lines[3:])
    assert "counted   20,000" in below
    assert f"{len(COUNTS)} keys tracked" in below
    assert "every count is known to within 0" in below
    assert "no key above 0 % is missing from the keys tracked" in below
    assert "bytes of at most 262,144, " in below


def test_phi_shows_all_keys_above_a_share(capsys):
    assert run(["streams", "top", "x.log", "--phi", "0.05", "--output", "csv"]) == 0
    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert head == ["rank", "key", "estimate", "lower", "upper", "share"]
    assert {row[1] for row in rows} == {key for key, count in COUNTS.items() if count > 0.05 * len(KEYS)}
    assert run(["streams", "top", "x.log", "--phi", "0.05"]) == 0
    assert "no key above 5 % is missing" in capsys.readouterr().out
    assert run(["streams", "top", "x.log", "--phi", "0.00001", "--memory", "2KiB", "--policy", "exact"]) == 0
    assert "a key of that share may be missing" in capsys.readouterr().out


def test_check_counts_exactly_and_finds_every_bound_kept(capsys):
    for policy in ("exact", "assoc"):
        found = json_of(capsys, "top", "x.log", "--check", "--memory", "2KiB", "--policy", policy)["check"]
        assert (found["keys"], found["violations"]) == (len(COUNTS), 0)
        assert 0 < found["rmse"] < 200
    assert run(["streams", "top", "x.log", "--check"]) == 0
    assert "0 outside their bounds" in capsys.readouterr().out


def test_a_violated_bound_fails_the_command(capsys, monkeypatch):
    monkeypatch.setattr(streams.SpaceSaving, "bounds", lambda self, keys: (np.zeros(len(keys)), np.zeros(len(keys))))
    assert run(["streams", "top", "x.log", "--check"]) == 1
    assert f"{len(COUNTS)} outside their bounds" in capsys.readouterr().out


def test_weights_keys_of_integers_and_nulls_are_counted(capsys):
    with open("x.jsonl", "w") as stream:
        for key, bytes_ in ((7, 10), (-8, 5), (7, 1), (None, 3)):
            stream.write(json.dumps({"key": key, "bytes": bytes_}) + "\n")
    found = json_of(capsys, "top", "x.jsonl", "--weights", "bytes", "--check")
    assert [(each["key"], each["estimate"]) for each in found["keys"]] == [(7, 11), (-8, 5)]
    assert (found["total"], found["skipped"], found["check"]["violations"]) == (16, 1, 0)
    assert run(["streams", "top", "x.jsonl"]) == 0
    assert "3, and 1 null skipped" in capsys.readouterr().out


def test_nothing_comes_of_nothing(capsys):
    open("empty", "w").close()
    assert json_of(capsys, "top", "empty", "--check")["keys"] == []
    assert run(["streams", "top", "empty"]) == 0
    assert capsys.readouterr().out.startswith("counted   0")


def test_keys_that_are_not_printable_are_escaped_in_tables_alone(capsys):
    with open("odd.txt", "wb") as stream:
        stream.write("tab\tand é\n".encode() + b"\xff\n")
    assert {each["key"] for each in json_of(capsys, "top", "odd.txt")["keys"]} == {"tab\tand é", "\\xff"}
    assert run(["streams", "top", "odd.txt"]) == 0
    assert "tab\\tand é" in capsys.readouterr().out
    Path("blank.txt").write_text("\n\n\n a\n a\nb\n")
    assert run(["streams", "top", "blank.txt", "--output", "table"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:4]
    assert [row[6:10].rstrip() for row in rows] == ["''", "' a'", "b"]


def test_saved_summaries_merge_into_that_of_the_whole(capsys):
    for name, part in (("a", KEYS[:7000]), ("b", KEYS[7000:]), ("whole", KEYS)):
        with open(name, "w") as stream:
            stream.write("\n".join(part))
        assert run(["streams", "top", name, "-o", f"{name}.bhss", "--policy", "exact"]) == 0
    assert "wrote whole.bhss" in capsys.readouterr().err
    merged = json_of(capsys, "merge", "a.bhss", "b.bhss", "-o", "both.bhss")
    assert merged == json_of(capsys, "show", "both.bhss") == json_of(capsys, "show", "whole.bhss")
    assert len(merged["keys"]) == 20
    assert merged == json_of(capsys, "merge", "a.bhss", "b.bhss", "-o", "a.bhss") == json_of(capsys, "show", "a.bhss")
    assert streams.from_bytes(Path("both.bhss").read_bytes()).total == len(KEYS)


def test_every_shows_the_result_again_and_again(capsys, monkeypatch):
    monkeypatch.setattr("beforehand.streams.text.BLOCK", 10_000)
    command = ["streams", "top", "x.log", "--every", "5000", "--k", "1"]
    assert run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    counted = [line.split()[1] for line in lines if line.startswith("counted")]
    assert len(counted) == 4
    assert counted[-1] == "20,000"  # and not twice, though the stream ends there
    assert [line for line in lines if line.startswith("after")] == [f"after {count} arrivals" for count in counted]
    assert run([*command, "--output", "csv"]) == 0
    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert head == ["arrivals", "rank", "key", "estimate", "lower", "upper", "share"]
    assert [f"{int(row[0]):,}" for row in rows] == counted
    assert run([*command, "--json", "--check"]) == 0
    assert capsys.readouterr().out.count('"arrivals": 20000') == 2  # the last with the exact counts


@pytest.mark.parametrize("bad", ["missing", "bad.parquet", "bad.csv", "bad.jsonl", "numbers.jsonl"])
def test_a_bad_file_takes_nothing_from_what_was_read_before_it(capsys, bad):
    Path("bad.parquet").write_bytes(b"PAR1 no more")
    Path("bad.csv").write_text("key,n\nlate,1\nlate\n")
    Path("bad.jsonl").write_text('{"key": "late"}\n{"key":\n')
    Path("numbers.jsonl").write_text('{"key": 1}\n')
    assert run(["streams", "top", "x.log", bad, "x.log", "--save", "s.bhss", "--json"]) == 2
    out, error = capsys.readouterr()
    late = 1 if bad == "bad.jsonl" else 0
    assert json.loads(out)["total"] == len(KEYS) + late
    wrote, line = error.splitlines()
    assert wrote == "wrote s.bhss"
    assert line.startswith(f"beforehand: {bad}: ")
    assert line.endswith(f"; the result is that of the {len(KEYS) + late:,} arrivals before it")
    assert streams.from_bytes(Path("s.bhss").read_bytes()).total == len(KEYS) + late


def test_what_fails_before_anything_was_counted_shows_and_writes_nothing(capsys):
    assert "missing: it cannot be read" in refused(capsys, "top", "missing", "x.log", "--save", "s.bhss")
    assert not os.path.exists("s.bhss")


def test_shares_are_percentages_however_small(capsys):
    Path("many.log").write_text("\n".join(map(str, range(60_000))))
    assert run(["streams", "top", "many.log", "--k", "1"]) == 0
    out = capsys.readouterr().out
    assert "e-" not in out
    assert "0.00167 %" in out


def test_one_of_anything_is_not_called_many(capsys):
    Path("one.jsonl").write_text('{"key": "a"}')
    assert run(["streams", "top", "one.jsonl", "--check", "--every", "1"]) == 0
    out = capsys.readouterr().out
    assert "after 1 arrival\n" in out
    assert "1 key tracked" in out
    assert "checked   1 key, " in out


def test_a_window_counts_the_last_arrivals(capsys):
    assert run(["streams", "train", "x.log", "-o", "m.bhss"]) == 0
    last = Counter(KEYS[-3000:])
    for more in ([], ["--predictor", "m.bhss"]):
        found = json_of(capsys, "top", "x.log", "--window", "3000", "--memory", "64KiB", "--k", "3", *more)
        assert found["total"] == 3000
        for each in found["keys"]:
            assert each["lower"] <= last[each["key"]] <= each["upper"]
        assert run(["streams", "top", "x.log", "--window", "3000", "--save", "w.bhss", *more]) == 0
        assert "counted   3,000, the last of the stream" in capsys.readouterr().out
        assert "w.bhss: windows do not merge" in refused(capsys, "merge", "w.bhss", "w.bhss", "-o", "t")


def test_a_model_makes_the_summary_a_learned_one(capsys):
    assert run(["streams", "train", "x.log", "-o", "m.bhss"]) == 0
    found = json_of(capsys, "top", "x.log", "--predictor", "m.bhss", "--check", "--memory", "8KiB", "-o", "s.bhss")
    assert (found["summary"], found["check"]["violations"]) == ("calibrated", 0)
    assert json_of(capsys, "show", "s.bhss", "--k", "100")["keys"] == found["keys"]


def test_a_plan_says_which_summary_to_use(capsys):
    assert run(["streams", "plan", "x.log", "--memory", "4KiB", "-o", "plan.json"]) == 0
    capsys.readouterr()
    assert "plan.json plans a CountMin, which names no keys; plan with --metric recall" in refused(
        capsys, "top", "x.log", "--plan", "plan.json"
    )
    assert run(["streams", "plan", "x.log", "--memory", "4KiB", "--metric", "recall", "-o", "plan.json"]) == 0
    found = json_of(capsys, "top", "x.log", "--plan", "plan.json", "--check")
    assert found["memory"] <= 4096 * 1.01
    assert (found["total"], found["check"]["violations"]) == (len(KEYS), 0)
    np.save("w.npy", np.random.default_rng(0).standard_normal((8, 100)))
    assert run(["quantization", "plan", "w.npy", "--bits", "4", "-o", "other.json"]) == 0
    capsys.readouterr()
    assert "other.json is a plan for quantization, but must be one for streams" in refused(
        capsys, "top", "x.log", "--plan", "other.json"
    )


@pytest.mark.parametrize("command", ["top", "plan --memory 4KiB", "train -o m", "compare"])
def test_files_with_keys_of_two_kinds_do_not_mix_and_the_error_says_what_to_do(capsys, command):
    Path("a.csv").write_text("key\n" + "7\n" * 10)
    Path("a.jsonl").write_text('{"key": 7}\n{"key": 8}\n')
    name, *options = command.split()
    words = (
        "its keys are {}, but those of {} are {}; a stream has keys of one kind, and csv and text files hold text alone"
    )
    for files, said in (
        (["a.csv", "a.jsonl"], "a.jsonl: " + words.format("integers", "a.csv", "text")),
        (["a.jsonl", "a.csv"], "a.csv: " + words.format("text", "a.jsonl", "integers")),
    ):
        assert run(["streams", name, *files, *options]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_a_column_that_holds_no_keys_is_refused_by_the_name_of_its_file(capsys):
    Trace("stream", {"key": np.arange(20_000), "at": np.linspace(0, 1, 20_000)}).save("x.npz")
    assert "x.npz: keys have dtype float64" in refused(capsys, "plan", "x.npz", "--column", "at", "--memory", "4KiB")
    assert run(["streams", "plan", "x.npz", "--memory", "4KiB", "-o", "plan.json"]) == 0
    capsys.readouterr()
    assert run(["audit", "plan.json", "x.npz", "--column", "at"]) == 2
    assert "x.npz: keys have dtype float64" in capsys.readouterr().err


def test_what_train_prints_says_what_is_good(capsys):
    assert run(["streams", "train", "x.log", "-o", "m.bhss"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "keys with 100 arrivals or more are told from others, 0.5 is chance and 1 perfect" in last
    assert run(["streams", "train", "x.log", "-o", "m.bhss", "--fraction", "1"]) == 0
    assert "chance" not in capsys.readouterr().out


@pytest.mark.parametrize("deleted", [2, 5])
def test_a_stream_of_which_all_was_deleted_has_no_shares(capsys, here, deleted):
    summary = streams.SpaceSaving(capacity=1, deletions=True)
    summary.update([1, 1])
    summary.delete([1, 1])
    if deleted > 2:
        summary.delete([2] * (deleted - 2))  # which has no counter
    (here / "x.bhss").write_bytes(summary.to_bytes())
    shown = json_of(capsys, "show", "x.bhss")
    assert [(key["key"], key["upper"], key["share"]) for key in shown["keys"]] == [(1, 0, 0)]
    assert shown["complete_above"] == 0


def test_show_tells_of_summaries_that_track_no_keys(capsys):
    counts = streams.CountMin(width=100)
    counts.update(["a", "b"])
    Path("c.bhss").write_bytes(counts.to_bytes())
    found = json_of(capsys, "show", "c.bhss")
    assert (found["summary"], found["key"], found["total"]) == ("CountMin", "str", 2)


@pytest.mark.parametrize(
    ("model", "holds"),
    [
        ("auto", "FirstOf(LookupTable"),
        ("table", "LookupTable("),
        ("ngrams", "CharNgrams("),
        ("table+ngrams", "FirstOf"),
    ],
)
def test_models_are_trained_judged_and_shown(capsys, model, holds):
    options = ["--model", model, "--entries", "100", *([] if model == "table" else ["--buckets", "64"])]
    found = json_of(capsys, "train", "x.log", "-o", "m.bhss", *options)
    assert found["model"].startswith(holds)
    assert (found["horizon"], found["bytes"]) == (len(KEYS) // 2, os.path.getsize("m.bhss"))
    assert found["on_the_rest"]["share"] == 1.0
    assert found["on_the_rest"]["keys"] == len(set(KEYS[10_000:]))
    assert found["on_keys_unseen"]["keys"] == len(set(KEYS[10_000:]) - set(KEYS[:10_000]))
    shown = json_of(capsys, "show", "m.bhss")
    assert shown == {name: found[name] for name in shown}
    assert run(["streams", "show", "m.bhss"]) == 0
    assert "nanoseconds per key" in capsys.readouterr().out
    assert run(["streams", "show", "m.bhss", "--output", "csv"]) == 0
    assert capsys.readouterr().out.startswith("model,horizon,bytes,nanoseconds_per_key\n")


def test_integers_train_bits_and_a_model_of_all_is_not_judged(capsys):
    Trace("stream", {"key": np.random.default_rng(0).zipf(1.5, 20_000) % 5000}).save("x.npz")
    found = json_of(capsys, "train", "x.npz", "-o", "m.bhss", "--fraction", "1")
    assert found["model"].startswith("KeyBits(")
    assert (found["horizon"], found["judged"]) == (20_000, "on nothing, as all arrivals were learned from")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["top", "missing"], "missing: it cannot be read: No such file or directory; check the path"),
        (["top", "x.log", "--memory", "much"], "memory is 'much', but must be bytes"),
        (["top", "x.log", "--check", "--window", "500"], "check counts the whole stream, but the summary only"),
        (
            ["top", "x.log", "--plan", "p", "--memory", "1KB"],
            "memory is '1KB', but the plan says it; leave",
        ),
        (["top", "x.log", "--predictor", "m", "--policy", "exact"], "policy is 'exact', but with a predictor there is"),
        (["top", "x.log", "--window", "5", "--policy", "exact"], "policy is 'exact', but with a window there is only"),
        (["top", "x.log", "--predictor", "x.log"], "x.log: these 166506 bytes are no summary or predictor"),
        (["top", "x.log", "--predictor", "s.bhss"], "s.bhss holds a SpaceSaving, but must hold a model; make it by"),
        (["top", "x.log", "--plan", "x.log"], "x.log"),
        (["top", "x.log", "--column", "c"], "x.log: column is 'c', but this is read as text, which has no columns"),
        (["merge", "s.bhss", "other.bhss", "-o", "t"], "other.bhss: it has seed 1, but s.bhss 0; make both with"),
        (["merge", "s.bhss", "m.bhss", "-o", "t"], "m.bhss: it holds a LookupTable, but s.bhss a SpaceSaving; merge"),
        (
            ["merge", "s.bhss", "n.bhss", "-o", "t"],
            "n.bhss: its keys are integers, but those of s.bhss are text; a stream has keys of one kind, and csv and "
            "text files hold text alone: write both in one format",
        ),
        (["merge", "s.bhss", "gated.bhss", "-o", "t"], "gated.bhss: it has policy gated, but s.bhss exact; make both"),
        (["merge", "s.bhss", "cut.bhss", "-o", "t"], "cut.bhss: "),
        (["merge", "m.bhss", "m.bhss", "-o", "t"], "m.bhss: it holds a LookupTable, which does not merge"),
        (["show", "x.log"], "x.log: these 166506 bytes are no summary or predictor"),
        (
            ["train", "few.log", "-o", "m"],
            "the stream has 3 arrivals, but a model learns from at least 10,000",
        ),
        (["train", "x.log", "-o", "m", "--model", "bits"], "keys are str"),
        (["train", "x.log"], "Missing option '--save'"),
        (["train", "few.log", "-o", "gone/m"], "gone/m cannot be written: No such file or directory; choose another"),
        (["top", "x.log", "--save", "gone/s"], "gone/s cannot be written: No such file or directory"),
        (["top", "x.log", "--save", "."], ". cannot be written: Is a directory"),
        (["plan", "x.log", "--memory", "8KiB", "-o", "gone/p"], "gone/p cannot be written: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(capsys, command, message):
    with open("few.log", "w") as stream:
        stream.write("a\nb\na\n")
    for name, seed in (("s.bhss", 0), ("other.bhss", 1)):
        summary = streams.SpaceSaving(capacity=4, seed=seed)
        summary.update(["a", "b"])
        with open(name, "wb") as stream:
            stream.write(summary.to_bytes())
    numbers, wider = streams.SpaceSaving(capacity=4), streams.SpaceSaving(capacity=5, policy="gated")
    numbers.update([1, 2])
    Path("n.bhss").write_bytes(numbers.to_bytes())
    Path("gated.bhss").write_bytes(wider.to_bytes())
    with open("s.bhss", "rb") as whole, open("cut.bhss", "wb") as cut:
        cut.write(whole.read()[:-9])
    with open("m.bhss", "wb") as stream:
        stream.write(streams.LookupTable(entries=2).fit(["a", "b"]).to_bytes())
    assert message in refused(capsys, *command)
    assert not os.path.exists("t")


def test_a_folder_that_is_closed_is_refused_at_once(capsys, here, monkeypatch):
    (here / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("closed"))
    assert "closed/s cannot be written: Permission denied" in refused(capsys, "top", "missing", "--save", "closed/s")


def test_a_summary_of_another_version_is_refused(capsys):
    data = bytearray(streams.SpaceSaving(capacity=3).to_bytes())
    data[8] = 9
    with open("new.bhss", "wb") as stream:
        stream.write(data)
    assert "version is 9, but this library reads 1" in refused(capsys, "show", "new.bhss")
