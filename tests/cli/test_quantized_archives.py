"""Archives of codes: what lies in them, and what damage to them leads to."""

import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from beforehand import quantization
from beforehand.cli.decoded_files import decode_path
from beforehand.core.errors import BeforehandError
from tests.cli.arrays_in_files import X, command, save, typed


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_codes_in_an_archive_are_those_of_the_library(here, capsys):
    save("safetensors", "bfloat16")
    assert command("encode", "x.safetensors", "-o", "x.bhq", "--seed", "4", "--threads", "2") == 0
    assert "times smaller; rounded v; kept ids, bias as they were; largest vNMSE 0.0" in capsys.readouterr().out
    with zipfile.ZipFile("x.bhq") as archive:
        codes = quantization.Codes.from_bytes(archive.read("v.bhq"))
    x = typed("bfloat16")
    assert codes == quantization.encode(x, quantization.levels(x, 16, objective="mse"))
    assert command("inspect", "x.bhq", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["form"], found["arrays"][0]["dtype"], found["kept"][0]["name"]) == ("safetensors", "bfloat16", "ids")
    assert command("inspect", "x.bhq") == 0
    assert "bias" in capsys.readouterr().out
    save("parquet", "float32")
    assert command("encode", "x.parquet", "-o", "x.bhq") == 0
    assert "rounded v; kept id, text as they were" in capsys.readouterr().out
    assert command("inspect", "x.bhq", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert ([each["name"] for each in found["arrays"]], found["kept"]) == (["v"], [{"name": "id"}, {"name": "text"}])


def test_the_ending_tsv_separates_cells_by_tabs(here, capsys):
    (here / "x.csv").write_text("name,a\n" + "".join(f"p {i},{i / 8}\n" for i in range(8)))
    assert command("encode", "x.csv", "-o", "x.bhq") == 0
    assert command("decode", "x.bhq", "-o", "y.tsv") == 0
    assert (here / "y.tsv").read_text() == (here / "x.csv").read_text().replace(",", "\t")
    assert command("encode", "y.tsv", "-o", "y.bhq") == 0
    assert command("decode", "y.bhq", "-o", "y.csv") == 0
    assert (here / "y.csv").read_text() == (here / "x.csv").read_text()
    assert command("decode", "y.bhq", "-o", "y.csv", "--name", "a") == 2
    assert "name is 'a', but it holds a single array without one" in capsys.readouterr().err


def test_csv_is_as_much_smaller_as_its_text_and_inspect_names_its_columns(here, capsys):
    text = "name,a,b\n" + "".join(f"p{i},{i / 8},{i / 16}\n" for i in range(1000))
    (here / "x.csv").write_text(text)
    assert command("encode", "x.csv", "-o", "x.bhq") == 0
    times = len(text) / (here / "x.bhq").stat().st_size
    assert f"{times:.3g} times smaller; rounded a, b; kept name as it was;" in capsys.readouterr().out
    assert command("inspect", "x.bhq", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert ([each["name"] for each in found["arrays"]], found["kept"]) == (["a, b"], [{"name": "name"}])
    (here / "x.csv").write_text("a,b\n1.5,2.5\n")
    assert command("encode", "x.csv", "-o", "x.bhq") == 0
    assert f"{(here / 'x.bhq').stat().st_size / 12:.3g} times larger" in capsys.readouterr().out


def test_every_prefix_and_flipped_byte_of_an_archive_is_an_error_or_arrays(here, capsys):
    save_file({"v": X[:3, :2], "ids": np.arange(2, dtype="i1")}, "x.safetensors")
    assert command("encode", "x.safetensors", "-o", "x.bhq", "--levels", "2") == 0
    whole = (here / "x.bhq").read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    for place in range(0, len(whole), 2):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place // 2 % 8
        damaged.append(bytes(flipped))
    refused = 0
    for data in damaged:
        (here / "bad.bhq").write_bytes(data)
        try:
            decode_path("bad.bhq", "y.safetensors")
        except BeforehandError:
            refused += 1
    assert refused > 0.6 * len(damaged)


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"dtype": "O", "shape": [1]}, "dtype object"),
        ({"dtype": "V8", "shape": [1]}, "must hold numbers"),
        ({"dtype": "int8", "shape": [2**40]}, "has 8 bytes"),
        ({"dtype": "int8", "shape": [-8]}, "has 8 bytes"),
        ({"dtype": "int8"}, "cannot be read"),
    ],
)
def test_contents_that_promise_nonsense_are_refused(here, capsys, contents, words):
    with zipfile.ZipFile("x.bhq", "w") as archive:
        archive.writestr("a.raw", bytes(8))
        entry = {"name": "a", "member": "a.raw", **contents}
        archive.writestr(
            "contents.json",
            json.dumps({"format": "beforehand arrays 1", "form": "npz", "notes": {}, "arrays": [entry]}),
        )
    assert command("decode", "x.bhq", "-o", "y.npz") == 2
    assert words in capsys.readouterr().err


def test_a_damaged_name_in_an_archive_never_loses_columns(here):
    pq.write_table(pa.table({"id": range(60), "v": list(X)}), "x.parquet")
    command("encode", "x.parquet", "-o", "x.bhq")
    whole = (here / "x.bhq").read_bytes()
    name = whole.rindex(b"rest.parquet")  # in the directory, which has no checksum
    for place in range(name - 18, name + 12):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        (here / "bad.bhq").write_bytes(flipped)
        try:
            decode_path("bad.bhq", "y.parquet")
        except BeforehandError:
            continue
        assert pq.read_schema("y.parquet").names == ["id", "v"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"name": "n" * 70_000, "member": "a.raw"}], "which is another's"),
        ([{"name": "\ud800", "member": "a.raw"}], "surrogates"),
        ([{"name": "a", "member": "a.raw"}, {"name": "b", "member": "a.raw"}], "array 'b' is in a member 'a.raw'"),
        ([{"name": "a", "member": "a.raw"}], "it holds 'b.raw' twice, or without telling of it"),
    ],
)
def test_members_that_the_contents_do_not_tell_of_are_refused(here, capsys, entries, words):
    told = [{"dtype": "int8", "shape": [8], **entry} for entry in entries]
    with zipfile.ZipFile("x.bhq", "w") as archive:
        archive.writestr("a.raw", bytes(8))
        archive.writestr("b.raw", bytes(8))
        archive.writestr(
            "contents.json", json.dumps({"format": "beforehand arrays 1", "form": "npz", "notes": {}, "arrays": told})
        )
    assert command("decode", "x.bhq", "-o", "y.npz") == 2
    assert words in capsys.readouterr().err


def test_another_archive_is_not_taken_for_codes(here, capsys):
    np.savez("x.npz", X)
    assert command("decode", "x.npz", "-o", "y.npz") == 2
    assert "it is an archive, but holds no codes; pass what encode wrote" in capsys.readouterr().err
