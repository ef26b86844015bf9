import csv
import json

import numpy as np
import pytest

from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.streams import CharNgrams, StreamPlan

RANDOM = np.random.default_rng(0)


def lines(n):
    """Half of the arrivals come in crowds and say so."""
    crowds = [f"hot_{i}" for i in RANDOM.integers(0, 1000, n // 2)]
    return RANDOM.permutation(np.array(crowds + [f"Rare{i}X" for i in RANDOM.integers(0, 10**9, n // 2)])).tolist()


WORDS, LATER = lines(60_000), lines(30_000)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "x.log").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "later.log").write_text("\n".join(LATER) + "\n")
    return tmp_path


def out_of(capsys, *command):
    capsys.readouterr()
    assert run([*command]) == 0
    return capsys.readouterr().out


def test_plan_says_what_to_take_and_whether_a_predictor_pays(capsys):
    words = out_of(capsys, "streams", "plan", "x.log", "--memory", "8KiB")
    assert words.startswith("Take gated for the whole stream, in 8,192 bytes. Judged on 30,000 arrivals")
    assert "Predictors: don't bother. None was tried" in words


def test_a_model_may_be_trained_at_once_or_read(capsys, here):
    (here / "m.bhss").write_bytes(CharNgrams(buckets=64).fit(WORDS).to_bytes())
    command = ["streams", "plan", "x.log", "--memory", "8KiB", "--predictor", "m.bhss", "--train", "--shared-by", "99"]
    found = json.loads(out_of(capsys, *command, "--json"))
    designs = {each["error"]["design"] for each in found["candidates"]}
    assert designs >= {"calibrated by CharNgrams", "calibrated by LookupTable+CharNgrams", "gated"}
    assert found["verdict"] == "worth it"


def test_plans_are_written_explained_audited_and_used(capsys):
    out_of(capsys, "streams", "plan", "x.log", "--memory", "8KiB", "--train", "--shared-by", "99", "-o", "plan.json")
    with open("plan.json") as file:
        plan = StreamPlan.from_json(file.read())
    assert plan.explain() in out_of(capsys, "explain", "plan.json")
    report = json.loads(out_of(capsys, "audit", "plan.json", "later.log", "--json"))
    assert report["came_true"]
    assert report["verdict"] == "worth it"
    top = json.loads(out_of(capsys, "streams", "top", "x.log", "--plan", "plan.json", "--json"))
    assert top["total"] == len(WORDS)
    assert top["summary"] == "calibrated"


def test_audits_read_traces_and_columns(capsys):
    keys = np.random.default_rng(1).zipf(1.3, 20_000)
    Trace("stream", {"key": keys}).save("x.npz")
    with open("x.csv", "w") as file:
        csv.writer(file).writerows([("id", "word"), *zip(range(30_000), LATER, strict=True)])
    out_of(capsys, "streams", "plan", "x.npz", "--memory", "4KiB", "-o", "numbers.json")
    out_of(capsys, "streams", "plan", "x.log", "--memory", "8KiB", "-o", "words.json")
    for command in (["numbers.json", "x.npz"], ["numbers.json", "x.npz", "--kind", "stream"],
                    ["words.json", "x.csv", "--column", "word"]):  # fmt: skip
        assert json.loads(out_of(capsys, "audit", *command, "--json"))["area"] == "streams"
    assert run(["audit", "numbers.json", "x.npz", "--kind", "stream", "--column", "key"]) == 2
    assert "leave it out" in capsys.readouterr().err


def test_options_reach_the_plan(capsys):
    options = ["--window", "2000", "--metric", "upper", "--seed", "3"]
    found = json.loads(out_of(capsys, "streams", "plan", "x.log", "--memory", "8KiB", *options, "--json"))
    assert (found["window"], found["metric"], found["seed"]) == (2000, "upper", 3)
    options = ["--horizon", "60000", "--metric", "rmse", "--min-rate", "1000", "--target", "18"]
    with_target = json.loads(out_of(capsys, "streams", "plan", "x.log", *options, "--json"))
    assert (with_target["target"], with_target["horizon"]) == (18, 60_000)
    assert with_target["memory"] == min(each["memory_needed"] for each in with_target["candidates"])


def test_candidates_come_as_csv(capsys):
    rows = list(
        csv.DictReader(out_of(capsys, "streams", "plan", "x.log", "--memory", "8KiB", "--output", "csv").split("\n"))
    )
    assert rows[0]["design"] == "gated"
    assert {row["memory"] for row in rows} == {"8192"}
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)


def test_compare_sets_every_policy_beside_the_truth(capsys):
    found = json.loads(out_of(capsys, "streams", "compare", "x.log", "--memory", "8KiB", "--json"))
    rows = {row["design"]: row for row in found["designs"]}
    assert (found["arrivals"], found["distinct"]) == (len(WORDS), len(set(WORDS)))
    assert rows.keys() >= {"gated", "filtered", "exact", "assoc", "Count-Min", "conservative Count-Min", "Count-Sketch"}
    assert rows["dictionary"]["rmse"] == 0
    assert all(row["violations"] in (0, None) for row in rows.values())
    assert all(row["bytes"] <= 8192 for name, row in rows.items() if name != "dictionary")
    assert rows["gated"]["rmse"] < rows["exact"]["rmse"]
    table = out_of(capsys, "streams", "compare", "x.log", "--memory", "8KiB")
    assert "60,000 arrivals" in table
    assert "no bounds" in table
    text = out_of(capsys, "streams", "compare", "x.log", "--memory", "8KiB", "--output", "csv")
    assert {row["design"] for row in csv.DictReader(text.split("\n"))} == rows.keys()


def test_weights_are_those_of_a_column(capsys):
    with open("w.csv", "w") as file:
        weights = np.random.default_rng(2).integers(1, 9, 30_000).tolist()
        csv.writer(file).writerows([("key", "n"), *zip(LATER, weights, strict=True)])
    found = json.loads(out_of(capsys, "streams", "compare", "w.csv", "--weights", "n", "--memory", "8KiB", "--json"))
    assert found["arrivals"] == 30_000
    assert all(row["violations"] in (0, None) for row in found["designs"])
    assert "30,000" not in out_of(capsys, "streams", "plan", "w.csv", "--weights", "n", "--memory", "8KiB")


def test_what_names_no_keys_has_no_top(capsys):
    with open("few.log", "w") as file:
        file.writelines(f"k{20_000 // n}\n" for n in range(20_000, 0, -1))
    found = out_of(capsys, "streams", "plan", "few.log", "--memory", "600", "-o", "plan.json", "--json")
    assert json.loads(found)["design"] == "conservative Count-Min"
    assert run(["streams", "top", "few.log", "--plan", "plan.json"]) == 2
    assert "names no keys; plan with --metric recall" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["plan", "x.log"], "memory is None and target is None"),
        (["plan", "x.log", "--memory", "8KiB", "--predictor", "x.log"], "x.log: these"),
        (["plan", "none.log", "--memory", "8KiB"], "none.log"),
        (["plan", "empty.log", "--memory", "8KiB"], "the stream holds no keys"),
        (["compare", "x.log", "--memory", "7"], "memory is 7 bytes"),
    ],
)
def test_what_cannot_be_done_takes_one_line(capsys, here, command, message):
    (here / "empty.log").write_text("")
    assert run(["streams", *command]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert message in error
    assert error.count("\n") == 1
