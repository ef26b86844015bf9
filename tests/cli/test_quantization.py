import dataclasses
import itertools
import json

import numpy as np
import pytest

from beforehand import quantization
from beforehand.cli import quantization as group
from beforehand.cli.app import run
from tests.cli.commands import commands


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    np.save("x.npy", np.random.default_rng(0).standard_normal((8, 500)).astype(np.float32))
    return tmp_path


def encode(*more):
    return run(["quantization", "encode", "x.npy", "-o", "x.bhq", *more])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_commands_are_these():
    assert commands(group.app) == ["decode", "encode", "inspect", "plan"]


def test_encode_and_decode_are_those_of_the_library(here, capsys):
    x = np.load("x.npy")
    assert encode("--levels", "8", "--seed", "5", "--axis", "0", "--method", "exact") == 0
    assert run(["quantization", "decode", "x.bhq", "-o", "y.npy"]) == 0
    codes = quantization.encode(x, quantization.levels(x, 8, axis=0, method="exact", objective="mse"), seed=5)
    assert (here / "x.bhq").read_bytes() == codes.to_bytes()
    np.testing.assert_array_equal(np.load("y.npy"), quantization.decode(codes))
    shown = capsys.readouterr().out
    assert "times smaller; vNMSE 0.0" in shown
    assert "wrote y.npy: float32 of shape (8, 500)" in shown
    assert names(here) == ["x.bhq", "x.npy", "y.npy"]


def test_the_seed_is_0_unless_said_and_decides_the_bytes(here):
    written = []
    for more in ([], ["--seed", "0"], ["--seed", "1"], ["--threads", "2"]):
        assert encode("--objective", "unbiased", *more) == 0
        written.append((here / "x.bhq").read_bytes())
    assert written[0] == written[1] == written[3] != written[2]


def test_what_is_stored_is_read_unless_said_otherwise(here, capsys):
    x = np.load("x.npy")
    assert encode() == 0
    assert (here / "x.bhq").read_bytes() == quantization.encode(x, quantization.levels(x, objective="mse")).to_bytes()
    assert run(["quantization", "encode", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Will values be read" in shown


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--levels", "4", "--objective", "unbiased"], "vNMSE is"),
        (["--levels", "2", "--method", "uniform"], "vNMSE is"),
        (["--levels", "256", "--axis", "1"], "the codes take"),
    ],
    ids=str,
)
def test_a_large_error_and_a_larger_file_are_warned_of_with_better_options(here, capsys, more, words):
    np.save("x.npy", np.random.default_rng(0).standard_t(4, (64, 500)).astype(np.float32))
    assert encode(*more) == 0
    warned = capsys.readouterr().err
    assert warned.startswith("beforehand: warning: ")
    assert words in warned
    better = warned[warned.index("--method") : warned.index(" has ")].split()
    assert encode(*better) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert f"vNMSE {float(warned.split(' has ')[1].split()[0]):.2g}"[:9] in shown.out


def test_small_errors_and_tiny_arrays_are_not_warned_of(here, capsys):
    for value in (np.load("x.npy"), np.arange(9.0), np.zeros(5000, np.float32)):
        np.save("x.npy", value)
        assert encode() == 0
    assert capsys.readouterr().err == ""


def test_scaled_blocks_are_a_method_of_encode(here, capsys):
    x = np.load("x.npy")
    assert encode("--method", "scaled", "--objective", "mse", "--block", "32", "--scale", "e8m0", "--zero") == 0
    table = quantization.levels(x, 16, method="scaled", objective="mse", block=32, scale="e8m0", zero=True)
    assert (here / "x.bhq").read_bytes() == quantization.encode(x, table).to_bytes()
    assert encode("--scale", "float16") != 0
    assert "take method='scaled'" in capsys.readouterr().err


def test_inspect_tells_what_encode_was_asked_for(here, capsys):
    assert encode("--levels", "5", "--block", "100", "--objective", "mse", "--seed", "3") == 0
    capsys.readouterr()
    assert run(["quantization", "inspect", "x.bhq", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("shape", "dtype", "bits", "n_levels", "objective")} == {
        "shape": [8, 500], "dtype": "float32", "bits": 3, "n_levels": 5, "objective": "mse",
    }  # fmt: skip
    assert found["s"] == 5  # the old name, for one release
    assert np.shape(found["levels"]) == (40, 5)
    assert found["nbytes"] == (here / "x.bhq").stat().st_size
    assert run(["quantization", "inspect", "x.bhq"]) == 0
    assert "first table" in capsys.readouterr().out


def test_rotation_is_a_method_of_encode_and_a_design_of_plans(here, capsys):
    x = np.load("x.npy")
    assert encode("--method", "rotation", "--axis", "0", "--block", "128") == 0
    assert run(["quantization", "decode", "x.bhq", "-o", "y.npy"]) == 0
    assert np.sum((np.load("y.npy") - x) ** 2) < 0.012 * np.sum(x**2)
    assert run(["quantization", "inspect", "x.bhq"]) == 0
    assert "rotation" in capsys.readouterr().out
    assert run(["quantization", "plan", "x.npy", "--bits", "4.5", "--objective", "unbiased", "-o", "plan.json"]) == 0
    assert "rotation" in capsys.readouterr().out
    assert run(["audit", "plan.json", "x.npy"]) == 0


def test_no_row_of_a_plan_takes_the_bits_of_a_better_one_and_nothing_gains_minus_0(here, capsys):
    np.save("x.npy", np.random.default_rng(0).standard_normal((4000, 64)).astype(np.float32))
    assert run(["quantization", "plan", "x.npy", "--bits", "4.25"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if line[:1].isdigit()]
    for row, after in itertools.pairwise(row for row in rows if "(chosen)" not in row and "(baseline)" not in row):
        assert row[0] != after[0]
    assert "-0.00" not in shown
    assert run(["quantization", "plan", "x.npy", "--bits", "4.25", "-o", "-"]) == 2
    assert "--output is -, but stdout is for the table; name a file" in capsys.readouterr().err


def test_a_plan_is_written_explained_and_audited(here, capsys):
    assert run(["quantization", "plan", "x.npy", "--bits", "3", "-o", "plan.json"]) == 0
    planned = capsys.readouterr().out
    assert run(["explain", "plan.json"]) == 0
    explained = capsys.readouterr().out
    why = quantization.QuantizationPlan.from_json((here / "plan.json").read_text()).why
    assert why in planned
    assert why in explained
    assert run(["audit", "plan.json", "x.npy"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ["strongest without", "clairvoyant", "verdict", "came true"])
    assert run(["audit", "plan.json", "x.npy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["area"] == "quantization"


@pytest.mark.parametrize("budget", [["--bits", "3.25"], ["--bits", "4.5"], ["--max-bytes", "9000"]], ids=str)
@pytest.mark.parametrize("objective", ["mse", "unbiased"])
def test_what_is_planned_is_what_encode_writes_of_other_rows(here, capsys, budget, objective):
    random = np.random.default_rng(1)
    x = (random.standard_t(4, (128, 160)) * random.lognormal(0, 0.3, (128, 1))).astype(np.float32)
    np.save("sample.npy", x[:64])
    np.save("other.npy", x[64:])
    plan = ["quantization", "plan", "sample.npy", *budget, "--objective", objective, "-o", "plan.json"]
    assert run(plan) == 0
    assert run(["quantization", "encode", "other.npy", "--plan", "plan.json", "--seed", "4", "-o", "x.bhq"]) == 0
    chosen = quantization.QuantizationPlan.from_json((here / "plan.json").read_text())
    codes = chosen.build().encode(x[64:], seed=4)
    assert (here / "x.bhq").read_bytes() == codes.to_bytes()
    assert codes.nbytes == chosen.nbytes
    error = np.sum((quantization.decode(codes) - x[64:]) ** 2) / np.sum(x[64:] ** 2)
    assert error == pytest.approx(chosen.expected.value, rel=0.2)
    assert f"planned: vNMSE {chosen.expected.value:.3g}" in capsys.readouterr().out


def test_an_error_that_is_only_theory_is_called_so(here, capsys):
    assert encode("--method", "rotation") == 0
    assert encode("--method", "exact") == 0
    rotated, exact = capsys.readouterr().out.splitlines()
    assert "vNMSE 0.0095 (rotation in theory, mse, seed 0)" in rotated
    assert "theory" not in exact


def test_options_that_a_plan_settles_are_refused_beside_it(here, capsys):
    assert run(["quantization", "plan", "x.npy", "--bits", "3", "-o", "plan.json"]) == 0
    assert encode("--plan", "plan.json", "--levels", "8") == 2
    assert "--levels is 8, but the plan plan.json settles that" in capsys.readouterr().err
    np.save("x.npy", np.ones(500, np.float32))
    assert encode("--plan", "plan.json") == 2
    assert "this array has 1 axes, but the plan is for a matrix; make one for this file" in capsys.readouterr().err
    assert run(["quantization", "plan", "x.npy", "--bits", "3", "-o", "plan.json"]) == 0
    assert encode("--plan", "plan.json") == 0
    (here / "other.json").write_text('{"area": "streams"}')
    assert encode("--plan", "other.json") == 2
    assert "other.json" in capsys.readouterr().err


def test_a_plan_reads_traces_and_single_vectors(here, capsys):
    from beforehand.workloads.vectors import flat

    flat(8, 300, seed=0).save("t.npz")
    np.save("one.npy", np.arange(300.0))
    assert run(["quantization", "plan", "t.npz", "--bits", "2"]) == 0
    assert run(["quantization", "plan", "one.npy", "--max-vnmse", "0.05"]) == 0
    assert names(here) == ["one.npy", "t.npz", "x.npy"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([1.0, np.nan]), "x.npy: "),
        (np.array([1.0, np.inf]), "x.npy: "),
        (np.zeros(0), "x.npy: "),
        (np.array(["a"]), "dtype"),
        (np.array([object()]), "x.npy: it holds objects of Python"),
    ],
)
def test_an_array_that_cannot_be_encoded_is_one_line_and_no_file(here, capsys, value, words):
    np.save("x.npy", value, allow_pickle=True)
    assert encode() == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("beforehand: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err
    assert names(here) == ["x.npy"]


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00\xff\xff{"])
def test_a_file_that_is_no_array_is_named(here, capsys, content):
    (here / "x.npy").write_bytes(content)
    assert encode() == 2
    assert capsys.readouterr().err.startswith("beforehand: x.npy: it ")
    assert names(here) == ["x.npy"]


def test_a_cut_file_of_codes_is_named_and_nothing_is_written(here, capsys):
    assert encode() == 0
    (here / "x.bhq").write_bytes((here / "x.bhq").read_bytes()[:-5])
    for command in (["inspect", "x.bhq"], ["decode", "x.bhq", "-o", "y.npy"]):
        assert run(["quantization", *command]) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith("beforehand: x.bhq: ")
    assert names(here) == ["x.bhq", "x.npy"]


def test_an_output_that_cannot_be_written_is_named(here, capsys):
    assert run(["quantization", "encode", "x.npy", "-o", "gone/x.bhq"]) == 2
    assert "gone/x.bhq cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
def test_no_command_overwrites_its_input(here, capsys, link):
    assert encode() == 0
    for command, name in (("encode", "x.npy"), ("decode", "x.bhq"), ("plan", "x.npy")):
        target = here / f"again-{name}"
        if link and not target.exists():
            getattr(target, link)(here / name)
        before, files = (here / name).read_bytes(), names(here)
        more = ["--bits", "4"] if command == "plan" else []
        output = target if link else here / name
        capsys.readouterr()
        assert run(["quantization", command, name, "-o", str(output), *more]) == 2
        said = f"beforehand: {output} and the input {name} are one file, which would be overwritten"
        assert capsys.readouterr().err == f"{said}; choose another place\n"
        assert (here / name).read_bytes() == before
        assert names(here) == files


def test_a_table_kept_from_one_file_encodes_another(here, capsys):
    x = np.load("x.npy")
    queries = (x[:3] * 2).astype(np.float64)
    np.save("q.npy", queries)
    for objective in ("mse", "unbiased"):
        options = ["--levels", "4", "--axis", "1", "--objective", objective]
        assert encode(*options, "--save-table", "x.bhl") == 0
        table = quantization.levels(x, 4, axis=1, objective=objective)
        assert (here / "x.bhl").read_bytes() == table.to_bytes()
        assert run(["quantization", "encode", "q.npy", "--table", "x.bhl", "-o", "q.bhq"]) == 0
        covered = table.cover(queries)
        assert (here / "q.bhq").read_bytes() == quantization.encode(queries, covered, seed=0).to_bytes()
        assert f"vNMSE {covered.vnmse:.3g}" in capsys.readouterr().out
    assert names(here) == ["q.bhq", "q.npy", "x.bhl", "x.bhq", "x.npy"]


@pytest.mark.parametrize("by", ["--table", "--plan"])
def test_levels_of_other_values_are_doubted(here, capsys, by):
    np.save("far.npy", 1000 * np.random.default_rng(1).standard_normal((8, 500)))
    if by == "--table":
        assert encode("--save-table", "kept") == 0
    else:
        x = np.load("x.npy")
        table = quantization.levels(x, 16, objective="mse").values.tolist()
        codec = quantization.Codec(method="given", n_levels=16, objective="mse", levels=table)
        found = quantization.plan(x, bits=4.2)
        chosen = dataclasses.replace(found.chosen, codec=codec)
        others = tuple(chosen if each is found.chosen else each for each in found.candidates)
        (here / "kept").write_text(dataclasses.replace(found, candidates=others).to_json())
    assert run(["quantization", "encode", "x.npy", by, "kept", "-o", "x.bhq"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert run(["quantization", "encode", "far.npy", by, "kept", "-o", "far.bhq"]) == 0
    said = capsys.readouterr().err
    assert "where zeros in place of all values have 1" in said
    assert f"the {by[2:]} kept is for other values than these" in said


def test_inspect_tells_what_a_table_of_levels_holds(here, capsys):
    assert encode("--levels", "4", "--axis", "0", "--save-table", "x.bhl") == 0
    capsys.readouterr()
    assert run(["quantization", "inspect", "x.bhl", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    table = quantization.Levels.load("x.bhl")
    assert found["levels"] == table.values.tolist()
    assert (found["shape"], found["axis"], found["n_levels"]) == ([8, 500], 0, 4)
    assert run(["quantization", "inspect", "x.bhl"]) == 0
    shown = capsys.readouterr().out
    assert "first table" in shown
    assert "block" not in shown  # there are none
    assert run(["quantization", "decode", "x.bhl", "-o", "y.npy"]) == 2
    assert "it is a table of levels without codes; pass it to encode by --table" in capsys.readouterr().err
    (here / "cut.bhl").write_bytes((here / "x.bhl").read_bytes()[:50])
    for command in (["inspect", "cut.bhl"], ["encode", "x.npy", "--table", "cut.bhl", "-o", "y.bhq"]):
        assert run(["quantization", *command]) == 2
        assert "pass the whole of what --save-table kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--table", "t.bhl", "--levels", "8"], "--levels is 8, but the table t.bhl settles that"),
        (["--table", "t.bhl", "--objective", "mse"], "--objective is mse, but the table t.bhl settles that"),
        (["--table", "t.bhl", "--save-table", "t.bhl"], "--save-table t.bhl would overwrite t.bhl"),
        (["--save-table", "x.bhq"], "--save-table x.bhq would overwrite x.bhq"),
        (["--save-table", "x.npy"], "x.npy are one file"),
        (["--save-table", "-"], "--save-table is -, but stdout is for codes; name a file"),
        (["--table", "missing.bhl"], "missing.bhl cannot be read"),
        (["--table", "x.npy"], "x.npy: not a valid Levels buffer"),
        (["--table", "wide.bhl"], "3 tables, but axis=1"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_a_line_and_nothing_is_written(here, capsys, options, words):
    x = np.load("x.npy")
    quantization.levels(x, 4).save("t.bhl")
    quantization.levels(x[:, :3], 4, axis=1).save("wide.bhl")
    before = names(here)
    assert encode(*options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert names(here) == before
    np.testing.assert_array_equal(np.load("x.npy"), x)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("y.npy", "output is y.npy, but codes are no .npy; take .bhq, and decode writes .npy again"),
        ("Y.PARQUET", "codes are no .PARQUET"),
        ("new/", "output is new/, a folder, but x.npy becomes one file; name that"),
    ],
)
def test_codes_are_not_written_as_if_they_were_arrays_or_to_a_folder(here, capsys, output, words):
    np.save("y.npy", np.arange(3.0))
    before = names(here)
    assert run(["quantization", "encode", "x.npy", "-o", output]) == 2
    assert words in capsys.readouterr().err
    assert names(here) == before
    np.testing.assert_array_equal(np.load("y.npy"), np.arange(3.0))


def test_arrays_are_not_written_to_a_folder_either(here, capsys):
    assert encode() == 0
    assert run(["quantization", "decode", "x.bhq", "-o", "new/"]) == 2
    assert "a folder, but x.bhq becomes one file" in capsys.readouterr().err
    assert names(here) == ["x.bhq", "x.npy"]


def test_the_levels_of_several_arrays_are_not_one_table(here, capsys):
    x = np.load("x.npy")
    np.savez("two.npz", a=x, b=x)
    quantization.levels(x, 4).save("t.bhl")
    kept = (here / "t.bhl").read_bytes()
    assert run(["quantization", "encode", "two.npz", "--save-table", "t.bhl", "-o", "two.bhq"]) == 2
    assert "several arrays; take one of them by --name" in capsys.readouterr().err
    assert (here / "t.bhl").read_bytes() == kept
    assert not (here / "two.bhq").exists()
    assert run(["quantization", "encode", "two.npz", "--name", "a", "--save-table", "t.bhl", "-o", "two.bhq"]) == 0
    assert quantization.Levels.load("t.bhl") == quantization.levels(x, 16, objective="mse")
