import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.cli import range_plans
from beforehand.cli.app import run
from beforehand.core.errors import InvalidInput
from beforehand.ranges import RangePlan, ranges_trace
from beforehand.workloads.ranges import queries, uniform_keys

KEYS = uniform_keys(10_000, seed=0)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    np.save("ids.npy", KEYS)
    for name, seed in (("queries.npz", 1), ("later.npz", 2)):
        queries(KEYS, 3_000, kind="correlated", longest=256, hits=0.2, seed=seed).save(name)
    return tmp_path


def out_of(capsys, *command):
    capsys.readouterr()
    assert run([*command]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def error_of(capsys, *command):
    capsys.readouterr()
    assert run([*command]) != 0
    return " ".join(capsys.readouterr().err.split())


PLAN = ("ranges", "plan", "queries.npz", "--keys", "ids.npy", "--bits-per-key", "8", "--read-cost", "30ms")


def test_plan_says_whether_a_filter_pays(capsys):
    words = out_of(capsys, *PLAN)
    assert words.startswith("worth it: proteus saves")
    assert "A read costs 30 ms" in " ".join(words.split())
    assert "prefix-bloom" in words


def test_a_plan_is_written_explained_and_audited(capsys, here):
    out = out_of(capsys, *PLAN, "-o", "plan.json", "--policy", "plan.bhrf")
    assert out.endswith("wrote plan.json\n\nwrote plan.bhrf\n")
    plan = RangePlan.from_json((here / "plan.json").read_text())
    assert (here / "plan.bhrf").read_bytes() == plan.policy()
    assert out_of(capsys, "explain", "plan.json").startswith("worth it: proteus saves")
    report = out_of(capsys, "audit", "plan.json", "later.npz", "--keys", "ids.npy", "--json")
    assert json.loads(report)["came_true"]


def test_a_plan_that_chose_no_filter_is_written_though_it_has_no_policy(capsys, here):
    free = (*PLAN[:-1], "1ns", "-o", "plan.json", "--policy", "plan.bhrf")
    assert "no host needs a policy" in error_of(capsys, *free)
    assert RangePlan.from_json((here / "plan.json").read_text()).design == "none"
    assert not (here / "plan.bhrf").exists()


def test_json_is_the_plan(capsys):
    assert json.loads(out_of(capsys, *PLAN, "--json"))["area"] == "ranges"


def test_a_worst_case_and_further_filters_are_taken(capsys):
    plan = json.loads(out_of(capsys, *PLAN, "--filter", "surf", "--filter", "locality-hash", "--json"))
    assert [each["design"] for each in plan["candidates"]] == ["none", "prefix-bloom", "surf", "locality-hash"]
    bounded = json.loads(out_of(capsys, *PLAN[:6], "20", "--worst-case", "64:0.05", "--json"))
    assert bounded["worst_case"] == [64, 0.05]


def test_keys_may_be_lines(capsys, here):
    (here / "ids.txt").write_text("\n".join(map(str, KEYS.tolist())) + "\n")
    same = out_of(capsys, "ranges", "plan", "queries.npz", "--keys", "ids.txt", "--read-cost", "30ms")
    assert "10,000 keys of uint64" in same


def test_keys_that_are_text_are_so_where_bounds_are(capsys, here):
    (here / "names.txt").write_text("\n".join(f"{number:05d}" for number in range(0, 9000, 9)) + "\n")
    asked = [f"{number:05d}" for number in range(1, 9000, 9)]
    ranges_trace(asked, asked).save("points.csv")
    said = out_of(capsys, "ranges", "plan", "points.csv", "--keys", "names.txt")
    assert "1,000 keys of" in said


def test_keys_may_be_a_column_of_parquet(capsys):
    pq.write_table(pa.table({"id": KEYS, "text": ["x"] * len(KEYS)}), "ids.parquet")
    said = out_of(capsys, "ranges", "plan", "queries.npz", "--keys", "ids.parquet", "--column", "id")
    assert "10,000 keys of uint64" in said
    error = error_of(capsys, "ranges", "plan", "queries.npz", "--keys", "ids.parquet", "--column", "no")
    assert "no column 'no'; take one of id, text" in error
    assert "pass --column" in error_of(capsys, "ranges", "plan", "queries.npz", "--keys", "ids.parquet")


def test_floats_under_bounds_of_integers_are_told_of_and_others_are_not(capsys):
    pq.write_table(pa.table({"id": KEYS, "price": KEYS.astype(float)}), "ids.parquet")
    for column, said in (("price", "keys of ids.parquet are float64, but bounds are uint64"), ("id", "")):
        assert run([*PLAN[:3], "--keys", "ids.parquet", "--column", column, "--json"]) == 0
        out, err = capsys.readouterr()
        assert err.startswith(f"beforehand: {said}") if said else not err
        assert json.loads(out)["sample"]["keys"] == ("float64" if said else "uint64")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--read-cost", "soon"), "'soon' is no time"),
        (("--worst-case", "64"), "worst-case is '64'"),
        (("--bits-per-key", "0"), "bits_per_key is 0"),
        (("--filter", "cuckoo"), "filters holds 'cuckoo'"),
        (("--column", "id"), "column is 'id', but ids.npy has none"),
        (("-o", "no/where.json"), "no is no folder"),
        (("-o", "a.json", "--policy", "./a.json"), "--output and --policy are both a.json"),
    ],
)
def test_it_refuses_what_breaks_a_rule(capsys, more, words):
    assert words in error_of(capsys, *PLAN, *more)


def test_files_that_do_not_fit_are_named(capsys, here):
    assert "Missing option '--keys'" in error_of(capsys, "ranges", "plan", "queries.npz")
    assert "nowhere.npy cannot be read" in error_of(capsys, "ranges", "plan", "queries.npz", "--keys", "nowhere.npy")
    (here / "bad.txt").write_text("1\nx\n")
    assert "a number in each line" in error_of(capsys, "ranges", "plan", "queries.npz", "--keys", "bad.txt")
    (here / "one.csv").write_text("lo\n1\n")
    assert "one.csv: the trace has no column hi" in error_of(capsys, "ranges", "plan", "one.csv", "--keys", "ids.npy")
    (here / "bad.parquet").write_text("no parquet")
    error = error_of(capsys, "ranges", "plan", "queries.npz", "--keys", "bad.parquet", "--column", "id")
    assert "bad.parquet" in error


def test_an_audit_needs_the_keys(capsys, here):
    out_of(capsys, *PLAN, "-o", "plan.json")
    assert "pass --keys FILE" in error_of(capsys, "audit", "plan.json", "later.npz")
    assert "leave it out" in error_of(
        capsys, "audit", "plan.json", "later.npz", "--keys", "ids.npy", "--kind", "stream"
    )


def test_times_are_read_with_their_unit():
    read = [range_plans.seconds_of(text) for text in ("100us", "30 ms", "2s", "5ns", ".5ms")]
    assert read == pytest.approx([1e-4, 0.03, 2, 5e-9, 5e-4])
    with pytest.raises(InvalidInput, match="is no time"):
        range_plans.seconds_of("5")
