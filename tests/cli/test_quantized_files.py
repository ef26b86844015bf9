"""Files there and back, as users do it: by processes, pipes and folders."""

import json
import os
import subprocess
import sys
import zipfile

import ml_dtypes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from beforehand import quantization
from beforehand.cli.app import run
from beforehand.workloads.array_files import read_arrays
from tests.cli.arrays_in_files import X, command, save, typed

BEFOREHAND = f"{sys.executable} -m beforehand quantization"
FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def shell(line):
    return subprocess.run(["bash", "-c", f"set -e -o pipefail; {line}"], check=True, capture_output=True).stdout


def names(folder="."):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, found in os.walk(folder) for name in found)


def error(found, dtype):
    """Of what came back, in the dtype that it came in, which is that of the source."""
    x = typed(dtype).astype("f8")
    return np.sum((found.astype("f8") - x) ** 2) / np.sum(x**2)


def loaded(path, dtype):
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    array = next(each for each in read_arrays(path, unnamed=dtype).arrays if each.name in ("", "v"))
    assert array.dtype == dtype
    return array.all().view(kind)


CASES = [
    *((form, dtype) for form in ("npy", "safetensors") for dtype in FLOATS),
    *(("npz", dtype) for dtype in FLOATS[:4]),
    *((form, dtype) for form in ("parquet", "arrow", "arrows") for dtype in FLOATS[:3]),
    ("csv", "float64"),
]


@pytest.mark.parametrize(("form", "dtype"), CASES)
def test_every_format_comes_back_as_it_was_apart_from_the_rounding(here, form, dtype):
    save(form, dtype)
    more = ["--dtype", dtype] if (form, dtype) == ("npy", "float8_e4m3fn") else []
    assert command("encode", f"x.{form}", "-o", "x.bhq", "--levels", "64", *more) == 0
    assert command("decode", "x.bhq", "-o", f"y.{form}") == 0
    assert error(loaded(f"y.{form}", dtype), dtype) < 0.004
    assert set(names()) == {"x.bhq", f"x.{form}", f"y.{form}"}


def test_what_is_not_rounded_is_kept_byte_for_byte(here):
    for form in ("safetensors", "npz", "parquet"):
        save(form, "float32")
        assert command("encode", f"x.{form}", "-o", "x.bhq") == command("decode", "x.bhq", "-o", f"y.{form}") == 0
    source, found = load_file("x.safetensors"), load_file("y.safetensors")
    assert list(found) == list(source)
    assert all(np.array_equal(found[name], source[name]) for name in ("ids", "bias"))
    with np.load("x.npz") as source, np.load("y.npz") as found:
        assert list(found) == list(source)
        assert all(np.array_equal(found[name], source[name]) for name in ("ids", "text"))
    before, after = pq.read_table("x.parquet"), pq.read_table("y.parquet")
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.select(["id", "text"]).equals(before.select(["id", "text"]))


def test_one_format_becomes_another_by_the_ending(here):
    save("parquet", "float32")
    assert command("encode", "x.parquet", "-o", "x.bhq") == 0
    for form in ("npy", "npz", "csv", "safetensors", "arrow"):
        assert command("decode", "x.bhq", "-o", f"y.{form}") == 0
    found = np.load("y.npy")
    np.testing.assert_array_equal(np.load("y.npz")["v"], found)
    np.testing.assert_array_equal(load_file("y.safetensors")["v"], found)
    np.testing.assert_array_equal(np.loadtxt("y.csv", delimiter=",", dtype="f4"), found)
    assert pa.ipc.open_file("y.arrow").read_all().column_names == ["id", "v", "text"]
    assert command("decode", "x.bhq", "-o", "y.npy", "--dtype", "float16") == 0
    np.testing.assert_array_equal(np.load("y.npy"), found.astype("f2"))
    assert command("encode", "y.npy", "-o", "y.bhq") == command("decode", "y.bhq", "-o", "z.parquet") == 0
    assert pq.read_table("z.parquet")["values"].type == pa.list_(pa.float16(), 32)


def test_formats_that_cannot_hold_it_say_so_and_write_nothing(here, capsys):
    save("safetensors", "bfloat16")
    assert command("encode", "x.safetensors", "-o", "x.bhq") == 0
    for form, words in (
        ("npy", "npy holds one array, but there are ids, bias, v; write .npz, or choose one by --name"),
        ("parquet", "arrays have 32 and 60 rows, but columns are equally long"),
    ):
        capsys.readouterr()
        assert command("decode", "x.bhq", "-o", f"y.{form}") == 2
        assert words in capsys.readouterr().err
    assert command("decode", "x.bhq", "-o", "y.parquet", "--name", "v") == 2
    assert (
        "array v is bfloat16 of shape (60, 32), which no column holds; pass --dtype float32" in capsys.readouterr().err
    )
    assert command("decode", "x.bhq", "-o", "y.npy", "--name", "w") == 2
    assert names() == ["x.bhq", "x.safetensors"]
    assert command("decode", "x.bhq", "-o", "y.parquet", "--name", "v", "--dtype", "float32") == 0


def test_pipes_and_process_substitution_give_the_same_bytes(here):
    for form in ("npy", "parquet"):
        save(form, "float64")
        assert command("encode", f"x.{form}", "-o", "x.bhq") == command("decode", "x.bhq", "-o", f"y.{form}") == 0
        codes, back = (here / "x.bhq").read_bytes(), (here / f"y.{form}").read_bytes()
        assert shell(f"{BEFOREHAND} encode - -o - < x.{form}") == codes
        assert shell(f"{BEFOREHAND} encode <(cat x.{form}) -o - | {BEFOREHAND} decode - -o -") == back
    shell(f"{BEFOREHAND} decode <(cat x.bhq) -o >(cat > z) > log; while ! [ -s z ]; do sleep .1; done")
    assert b"PAR1" in (here / "z").read_bytes()
    assert b"mse" in shell(f"cat x.bhq | {BEFOREHAND} inspect -")


def test_a_folder_becomes_a_folder_and_comes_back(here, capsys):
    os.makedirs("in/deep")
    for form in ("npy", "safetensors", "parquet", "npz"):
        save(form, "float16")
        os.rename(f"x.{form}", f"in/deep/{form}.{form}")
    np.save("in/a.b.npy", X)
    np.savez("in/ids.npz", ids=np.arange(3))
    (here / "in" / "README.md").write_text("hi")
    assert command("encode", "in", "-o", "small") == 0
    assert "left out 2 files that hold nothing to round: in/README.md, in/ids.npz" in capsys.readouterr().out
    assert names("small") == ["a.b.bhq", "deep/npy.bhq", "deep/npz.bhq", "deep/parquet.bhq", "deep/safetensors.bhq"]
    assert command("decode", "small", "-o", "out") == 0
    assert names("out") == [name for name in names("in") if name not in ("README.md", "ids.npz")]
    assert loaded("out/deep/parquet.parquet", "float16").shape == X.shape


def test_folders_that_would_lose_something_are_refused(here, capsys):
    os.makedirs("in")
    np.save("in/x.npy", X)
    np.savez("in/x.npz", X)
    for words, told in (
        (["encode", "in", "-o", "small"], "would both become small/x.bhq; rename one of them"),
        (["encode", "in", "-o", "in"], "in and the input in are one folder; choose another place"),
        (["encode", "in", "-o", "in/x.npy"], "is a folder; name a folder for its files"),
        (["encode", "in", "-o", "-"], "is a folder; name a folder for its files"),
        (["decode", "in", "-o", "out"], "in holds no file that could be read; name another folder, or its files"),
    ):
        assert command(*words) == 2
        assert told in capsys.readouterr().err
    assert names() == ["in/x.npy", "in/x.npz"]


def test_a_bad_file_in_a_folder_is_named_and_stops_no_others(here, capsys):
    os.makedirs("in")
    np.save("in/a.npy", X)
    np.save("in/b.npy", np.full(3, np.inf))
    np.save("in/c.npy", X)
    assert command("encode", "in", "-o", "small") == 2
    shown = capsys.readouterr()
    assert "wrote small/a.bhq" in shown.out
    assert "wrote small/c.bhq" in shown.out
    assert "in/b.npy: x contains 3 NaN or infinite" in shown.err
    assert "1 file in in could not be encoded, as said above" in shown.err
    assert names("small") == ["a.bhq", "c.bhq"]
    (here / "small" / "a.bhq").write_bytes(b"no codes")
    whole = (here / "small" / "c.bhq").read_bytes()
    (here / "small" / "b.bhq").write_bytes(whole[:-1])
    (here / "small" / "d.bhq").write_bytes(b"PK" + whole)
    assert command("decode", "small", "-o", "out") == 2
    shown = capsys.readouterr().err
    assert "small/a.bhq: it begins with b'no codes'" in shown
    assert "small/b.bhq: not a valid Codes buffer" in shown
    assert "small/d.bhq: it cannot be read" in shown
    assert "3 files in small could not be decoded" in shown
    assert names("out") == ["c.npy"]


def test_other_columns_of_csv_come_back_as_they_were(here, capsys):
    rows = [f'{i:05},{i}.25,"a ""b"", ä\n{i}",{i}.5' for i in range(8)]
    (here / "x.csv").write_text("\n".join(["zip,x,text,y", *rows]) + "\n")
    assert command("encode", "x.csv", "-o", "x.bhq") == 0
    assert "rounded x, y; kept zip, text as they were" in capsys.readouterr().out
    assert command("decode", "x.bhq", "-o", "y.csv") == 0
    assert (here / "y.csv").read_text() == (here / "x.csv").read_text()
    assert command("encode", "x.csv", "-o", "x.bhq", "--name", "y") == 0
    assert "rounded y; kept zip, x, text as they were" in capsys.readouterr().out
    assert command("decode", "x.bhq", "-o", "y.csv") == 0
    assert (here / "y.csv").read_text() == (here / "x.csv").read_text()
    assert command("decode", "x.bhq", "-o", "y.npy") == 0
    assert "left out other columns, which csv would hold" in capsys.readouterr().out
    assert np.load("y.npy").shape == (8, 1)


@pytest.mark.parametrize(
    ("places", "rest", "words"),
    [
        ([0], b'["a"]\n', "have not as many rows as its numbers"),
        ([0, 1], b'["a"]\n["b"]\n', "it has 1 columns, but says of [0, 1] where they were"),
        (None, b'["a"]\n["b"]\n', "but says of None where they were"),
        ([0], b'["a"]\n{', "its other columns cannot be read"),
        ([0], b'["a"]\n3\n', "which is no row"),
    ],
)
def test_other_columns_of_csv_that_are_damaged_are_refused(here, capsys, places, rest, words):
    entry = {"name": "", "member": ".raw", "dtype": "float64", "shape": [2, 1]}
    told = {"format": "beforehand arrays 1", "form": "csv", "notes": {"places": places}, "arrays": [entry]}
    with zipfile.ZipFile("x.bhq", "w") as archive:
        archive.writestr(".raw", bytes(16))
        archive.writestr("rest.jsonl", rest)
        archive.writestr("contents.json", json.dumps(told))
    assert command("decode", "x.bhq", "-o", "y.csv") == 2
    assert words in capsys.readouterr().err
    assert names() == ["x.bhq"]


def test_hidden_files_of_a_folder_are_no_input(here, capsys):
    os.makedirs("in/.cache")
    for name in ("in/x.npy", "in/.cache/y.npy"):
        np.save(name, X)
    (here / "in" / "._x.npy").write_bytes(b"of a Mac")
    assert command("encode", "in", "-o", "small") == 0
    assert names("small") == ["x.bhq"]
    assert "left out" not in capsys.readouterr().out


def test_what_is_no_input_says_what_to_pass(here, capsys):
    np.save("x.npy", X)
    save_file({"v": X, "ids": np.arange(2)}, "x.safetensors")
    command("encode", "x.npy", "-o", "one.bhq")
    command("encode", "x.safetensors", "-o", "several.bhq")
    (here / "cut.bhq").write_bytes((here / "one.bhq").read_bytes()[:-1])
    os.makedirs("in")
    held = names()
    wrote = "pass what beforehand quantization encode wrote"
    for words, told in (
        (["encode", "one.bhq", "-o", "y.bhq"], "one.bhq: it is encoded already; pass the arrays it was made of"),
        (["encode", "several.bhq", "-o", "y.bhq"], "several.bhq: it is encoded already; pass the arrays"),
        (["decode", "x.npy", "-o", "y.npy"], f"x.npy: it begins with b'\\x93NUMPY\\x01\\x00', as no codes do; {wrote}"),
        (["inspect", "x.npy"], wrote),
        (["inspect", "cut.bhq"], "pass the whole of what beforehand quantization encode wrote"),
        (["inspect", "in"], "in is a folder, but this command takes one file; name one of its files"),
        (["plan", "in"], "in is a folder, but this command takes one file; name one of its files"),
        (["encode", "x.npy", "-o", ""], "output is empty; name a file or a folder by --output, or - for stdout"),
        (["decode", "one.bhq", "-o", ""], "output is empty"),
        (["decode", "one.bhq", "-o", "y.txt"], "y.txt, but .txt is no ending of a format that can be written; take"),
        (["decode", "several.bhq", "-o", "y.bhq"], ".npy, .npz, .csv, .tsv, .parquet, .pq, .arrow, .feather, .ipc"),
    ):
        capsys.readouterr()
        assert command(*words) == 2, words
        assert told in capsys.readouterr().err, words
    assert names() == held
    assert command("decode", "one.bhq", "-o", "y") == 0
    assert np.load("y").shape == X.shape


def test_bfloat16_in_files_of_numpy_comes_with_the_option_for_numbers(here, capsys):
    save("safetensors", "bfloat16")
    command("encode", "x.safetensors", "-o", "x.bhq")
    for form, told in (("npz", True), ("safetensors", False)):
        capsys.readouterr()
        assert command("decode", "x.bhq", "-o", f"y.{form}") == 0
        hint = "numpy.load has no bfloat16, decode with --dtype float32 for numbers it reads"
        assert (hint in capsys.readouterr().out) == told
    assert command("decode", "x.bhq", "-o", "y.npz", "--dtype", "float32", "--name", "v") == 0
    assert "numpy.load" not in capsys.readouterr().out


def test_nulls_are_refused_or_dropped(here, capsys):
    pq.write_table(pa.table({"id": range(3), "v": [[1.0, 2.0], None, [3.0, None]]}), "x.parquet")
    assert command("encode", "x.parquet", "-o", "x.bhq") == 2
    assert (
        "x.parquet: column v has 2 rows with nulls, which are no numbers; pass --drop-nulls" in capsys.readouterr().err
    )
    assert command("encode", "x.parquet", "-o", "x.bhq", "--drop-nulls") == 0
    assert "left out 2 rows with nulls" in capsys.readouterr().out
    assert command("decode", "x.bhq", "-o", "y.parquet") == 0
    assert pq.read_table("y.parquet").to_pylist() == [{"id": 0, "v": [1.0, 2.0]}]


def test_an_array_with_nan_is_named_and_nothing_is_written(here, capsys):
    save_file({"good": X, "bad": np.full((3, 4), np.nan)}, "x.safetensors")
    assert command("encode", "x.safetensors", "-o", "x.bhq") == 2
    assert "x.safetensors: array bad: x contains 12 NaN" in capsys.readouterr().err
    assert names() == ["x.safetensors"]
    assert command("encode", "x.safetensors", "-o", "x.bhq", "--name", "good") == 0


@pytest.mark.parametrize("form", ["npy", "safetensors", "parquet"])
def test_the_input_is_never_the_output(here, capsys, form):
    save(form, "float32")
    name = f"x.{form}"
    before = (here / name).read_bytes()
    os.link(name, "hard")
    os.symlink(name, "soft")
    for output in (name, f"./{name}", "hard", "soft"):
        assert command("encode", name, "-o", output) == 2
        assert "are one file, which would be overwritten" in capsys.readouterr().err
    assert (here / name).read_bytes() == before


def test_stdin_and_stdout_that_are_the_other_file_are_refused(here):
    np.save("x.npy", X)
    before = (here / "x.npy").read_bytes()
    for line, told in (
        ("encode - -o x.npy < x.npy", b"x.npy and the input stdin are one file"),
        ("encode x.npy -o - >> x.npy", b"stdout and the input x.npy are one file"),
    ):
        done = subprocess.run(["bash", "-c", f"{BEFOREHAND} {line}"], capture_output=True, check=False)
        assert (done.returncode, told in done.stderr) == (2, True)
    assert (here / "x.npy").read_bytes() == before


def test_plans_and_audits_take_vectors_of_any_file(here, capsys):
    save("parquet", "float32")
    save("safetensors", "bfloat16")
    assert command("plan", "x.parquet", "--bits", "3", "-o", "plan.json") == 0
    assert run(["audit", "plan.json", "x.parquet"]) == 0
    assert command("plan", "x.safetensors", "--bits", "3") == 0
    np.savez("two.npz", a=X, b=X)
    capsys.readouterr()
    assert command("plan", "two.npz", "--bits", "3") == 2
    assert "two.npz has several arrays: a, b; name one of them by --name" in capsys.readouterr().err
    assert command("plan", "two.npz", "--bits", "3", "--name", "b") == 0
    assert run(["audit", "plan.json", "two.npz"]) == 2
    assert "name one of them by --name" in capsys.readouterr().err
    assert run(["audit", "plan.json", "two.npz", "--column", "b"]) == 0
    assert run(["audit", "plan.json", "two.npz", "--name", "b"]) == 0


def test_stdout_holds_the_result_alone(here, capfdbinary):
    np.save("x.npy", X)
    assert command("encode", "x.npy", "-o", "-") == 0
    shown = capfdbinary.readouterr()
    assert quantization.Codes.from_bytes(shown.out).shape == X.shape
    assert shown.err.startswith(b"wrote stdout: ")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_told(here, unbuffered):
    np.save("x.npy", np.tile(X, (100, 1)))
    line = f"ulimit -f 64; PYTHONUNBUFFERED={unbuffered} {BEFOREHAND} encode x.npy --levels 200 -o - > y.bhq"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"stdout cannot be written: File too large; choose another place" in done.stderr
