"""Looking at files, and columns beside which anything may stand."""

import io
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.reading import Reading, look, read_lines, read_table

HUGE = 2**80
IN_JSON = {
    "a list": [[1, 2], []],
    "an object": [{"a": 1}, {}],
    "a list of objects": [[{"a": 1}], []],
    "text that is null": ["a", None],
    "a key on some lines only": [1],
    "a key on later lines only": [..., 1],
    "ids above 64 bits": [HUGE, 1],
    "numbers and text": [1, "one"],
    "booleans and null": [True, None],
    "what nests deeply": [{"a": [{"b": [[[{}]]]}]}, 1],
    "an empty name": [1, 2],
}
IN_CSV = {
    "an index without a name": ["", "0", "1"],
    "a name with a slash": ["tokens/s", "5", "6"],
    "ids above 64 bits": ["id", str(HUGE), "1"],
    "numbers and text": ["what", "1", "one"],
    "groups of digits": ["what", "1_000", "1,000"],
    "lines in a text": ["prompt", "one\r\ntwo", "three"],
    "a NUL in a text": ["prompt", "a\0b", "c"],
    "a name that cannot be printed": ["a\tb", "1", "2"],
}
IN_PARQUET = {
    "null among integers": pa.array([1, None]),
    "null among texts": pa.array(["a", None]),
    "lists": pa.array([[1], None]),
    "lists of lists": pa.array([[[1]], [[2], []]]),
    "structures": pa.array([{"a": 1}, None]),
    "maps": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "decimals": pa.array(["1.5", None]).cast(pa.decimal128(20, 5)),
    "bytes": pa.array([b"\xff", None]),
    "a dictionary": pa.array(["a", None]).dictionary_encode(),
    "times with a zone": pa.array([1, None], pa.timestamp("ns", "Asia/Tokyo")),
}
IN_NPZ = {"objects": np.array([{}, []], dtype=object), "two dimensions": np.ones((2, 3)), "other rows": np.arange(5)}


def foreign_files():
    for name, values in IN_JSON.items():
        yield f"jsonl: {name}", ("jsonl", name, values)
        yield f"json: {name}", ("json", name, values)
    for name, cells in IN_CSV.items():
        yield f"csv: {name}", ("csv", name, cells)
    for name, column in IN_PARQUET.items():
        yield f"parquet: {name}", ("parquet", name, column)
    for name, column in IN_NPZ.items():
        yield f"npz: {name}", ("npz", name, column)


FOREIGN = dict(foreign_files())


def write(folder, form, name, other):
    path = folder / f"t.{form}"
    if form in ("jsonl", "json"):
        key = "" if name == "an empty name" else "other"
        records = [{"size": size} for size in (1, 2)]
        for record, value in zip(records, other, strict=False):
            record |= {} if value is ... else {key: value}
        path.write_text(json.dumps(records) if form == "json" else "\n".join(map(json.dumps, records)))
    elif form == "csv":
        rows = zip(other, ["size", "1", "2"], strict=True)
        path.write_text("".join(f'"{cell}",{size}\n' for cell, size in rows), newline="")
    elif form == "parquet":
        pq.write_table(pa.table({"other": other, "size": pa.array([1, 2])}), path)
    else:
        np.savez(path, other=other, size=np.array([1, 2]))
    return path


@pytest.mark.parametrize("what", FOREIGN)
def test_a_column_that_nobody_names_cannot_make_a_file_unreadable(tmp_path, engine, what):
    assert len(FOREIGN) >= 27
    path = write(tmp_path, *FOREIGN[what])
    assert "size" in look(path).names
    table = read_table(path, ["size"])
    assert table.numbers("size").tolist() == [1, 2]
    assert len(table.lines) == 2


def test_an_integer_of_thousands_of_digits_is_no_obstacle(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"size": 1, "id": ' + "9" * 5000 + '}\n{"size": 2}\n')
    table = read_table(tmp_path / "t.jsonl", ["size", "id"])
    assert table.numbers("size").tolist() == [1, 2]
    assert table.numbers("id")[0] == np.inf


@pytest.mark.parametrize("form", ["npz", "parquet", "jsonl"])
def test_a_trace_of_ours_shows_its_metadata_and_is_read_like_any_other(tmp_path, form):
    path = tmp_path / f"t.{form}"
    Trace("jobs", {"size": [1.0, 2.0]}, children={"calls": ([0, 1, 1], {"s": [1]})}, meta={"unit": "tokens"}).save(path)
    assert look(path).meta == {"unit": "tokens"}
    table = read_table(path, ["size"])
    assert table.numbers("size").tolist() == [1, 2]
    assert table.lines.tolist() == ([2, 3] if form == "jsonl" else [1, 2])


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("t.csv", "a,b\n1,2\n", "csv"),
        ("t", "a,b\n1,2\n", "csv"),
        ("t.txt", "a b\n1 2\n", "csv"),
        ("t.log", "up, at last\nlistening\nfor a, b, or c\n", "lines"),
        ("t.jsonl", '{"a": 1}\n', "jsonl"),
        ("t.ndjson", '{"a": 1}\n', "jsonl"),
        ("t.log", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("t", '{"a": 1}\n', "jsonl"),
        ("t.json", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("t.json", '{"a": [1]}', "json"),
        ("t.json", '\ufeff[{"a": 1}]', "json"),
        ("t.txt", '[\n {"a": 1}\n]', "json"),
        ("t", '{\n "a": [1]\n}', "json"),
    ],
)
def test_the_format_is_found_by_the_ending_and_the_content(tmp_path, name, text, form):
    (tmp_path / name).write_text(text)
    head = look(tmp_path / name)
    assert head.format == form
    assert head.text == text.removeprefix("\ufeff") or form == "json"


def test_formats_with_a_mark_of_their_own_need_no_ending(tmp_path):
    pq.write_table(pa.table({"size": [1, 2]}), tmp_path / "a")
    np.savez(tmp_path / "b.npz", size=[1, 2])
    (tmp_path / "b.npz").rename(tmp_path / "b.csv")
    for name, form in (("a", "parquet"), ("b.csv", "npz")):
        assert look(tmp_path / name).format == form
        assert read_table(tmp_path / name, ["size"]).numbers("size").tolist() == [1, 2]


def test_no_more_than_the_beginning_is_looked_at(tmp_path):
    (tmp_path / "t.csv").write_text("arrival,size\n" + "1,2\n" * 100_000)
    assert len(look(tmp_path / "t.csv").text) == 1 << 16
    (tmp_path / "t.jsonl").write_text('{"arrival": 1, "size": 2}\n' * 100_000)
    head = look(tmp_path / "t.jsonl")
    assert (head.names, head.record) == (("arrival", "size"), {"arrival": 1, "size": 2})
    (tmp_path / "t.json").write_text(json.dumps({"model": "m", "sizes": list(range(100_000))}))
    head = look(tmp_path / "t.json")
    assert (head.names, head.record["model"]) == (("model", "sizes"), "m")
    (tmp_path / "u.csv").write_text("a" * 100_000)
    with pytest.raises(CorruptData, match="a first line of over 65,536 bytes"):
        look(tmp_path / "u.csv")


def test_a_column_that_is_not_there_is_no_part_of_the_table_and_is_named_when_asked_for(tmp_path):
    names = [f"c{i}" for i in range(30)]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + ",".join("1" * 30) + "\n")
    table = read_table(tmp_path / "t.csv", ["size", "c3"])
    assert ("size" in table, "c3" in table, table.names) == (False, True, ("c3",))
    with pytest.raises(InvalidInput, match=r"has no column 'size' among c0, c1, .*c19 and 10 more; name one"):
        table.numbers("size")
    assert len(read_table(tmp_path / "t.csv", ["size"])) == 1


def test_a_key_that_comes_late_is_there_and_one_that_never_comes_is_not(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"size": 1}\n' * 20_000 + '{"size": 1, "cheap": 2}\n')
    table = read_table(tmp_path / "t.jsonl", ["cheap", "size", "expensive"])
    assert table.names == ("cheap", "size")
    assert table.missing("cheap").sum() == 20_000


def test_a_line_separator_of_unicode_ends_no_line_of_jsonl(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"prompt": "a\u2028b\x85", "size": 3}\n', encoding="utf-8")
    head = look(tmp_path / "t.jsonl")
    assert (head.names, head.record["size"]) == (("prompt", "size"), 3)


def test_files_that_show_no_columns_say_what_to_do(tmp_path):
    (tmp_path / "t.log").write_text("up, at last\nlistening\nfor a, b, or c\n")
    with pytest.raises(InvalidInput, match=r"shows no columns.*name the separator, or the format"):
        read_table(tmp_path / "t.log", ["size"])
    with pytest.raises(CorruptData, match="has 1 cell in line 2, but 3 in its first"):
        read_table(tmp_path / "t.log", ["size"], Reading(separator=" "))


def test_lines_are_taken_apart_by_a_pattern_and_others_are_counted(tmp_path):
    (tmp_path / "t.log").write_bytes(b"job a took 5 s\r\n\nnoise\njob b\xff took - s\njob c took 7 s\n")
    table = read_lines(tmp_path / "t.log", re.compile(r"job (?P<name>\S+) took (?P<took>\S+) s(?P<more>!)?"))
    assert table.text("name").tolist() == ["a", "b\ufffd", "c"]
    np.testing.assert_array_equal(table.numbers("took"), [5, np.nan, 7])
    assert table.missing("more").all()
    assert (table.lines.tolist(), table.unmatched, len(table)) == ([1, 4, 5], 1, 3)


def test_lines_that_only_carriage_returns_end_are_no_line_of_the_pattern(tmp_path):
    (tmp_path / "t.log").write_bytes(b"job a took 5 s\rjob b took 6 s\rjob c took 7 s\n")
    table = read_lines(tmp_path / "t.log", re.compile(r"(?P<all>.*) took (?P<took>\S+) s$"))
    assert (len(table), table.unmatched) == (0, 1)


def test_lines_may_be_in_utf_16(tmp_path):
    (tmp_path / "t.log").write_bytes("job a took 5 s\r\nnoise\r\njob b took 6 s\r\n".encode("utf-16"))
    table = read_lines(tmp_path / "t.log", re.compile(r"job \S+ took (?P<took>\S+) s$"))
    assert (table.numbers("took").tolist(), table.lines.tolist(), table.unmatched) == ([5, 6], [1, 3], 1)


def test_stdin_is_looked_at_first_and_read_next(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"size;arrival\n1,5;2\n")))
    assert look("-").names == ("size", "arrival")
    assert read_table("-", ["size"]).numbers("size").tolist() == [1.5]


@pytest.mark.parametrize("columns", [["size", "arrival"], ["size", "user"]])
def test_json_that_is_no_table_is_refused(tmp_path, columns):
    path = tmp_path / "t.json"
    path.write_text('{"size": [1, 2], "arrival": [1], "user": "ann"}')
    with pytest.raises(CorruptData, match=r"unequal length \(size has 2, arrival has 1\)|the one value ann as user"):
        read_table(path, columns)
    for text, words in (("[1]", "neither a list of objects"), ("3", "neither"), ("[{]", "no JSON")):
        path.write_text(text)
        with pytest.raises(CorruptData, match=words):
            read_table(path, columns, Reading(format="json"))


def test_json_of_pandas_is_columns_by_row(tmp_path):
    (tmp_path / "t.json").write_text('{"size": {"0": 1, "1": null}, "user": {"0": "a", "1": "b"}}')
    np.testing.assert_array_equal(read_table(tmp_path / "t.json", ["size"]).numbers("size"), [1, np.nan])


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_what_stands_inside_an_object_has_a_name_with_a_dot(tmp_path, form):
    records = [{"usage": {"tokens": {"out": 5}}, "a.b": 1}, {"usage": {"tokens": None}, "a.b": 2}]
    path = tmp_path / f"t.{form}"
    if form == "jsonl":
        path.write_text("\n".join(map(json.dumps, records)))
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    assert {"usage.tokens.out", "a.b"} <= set(look(path).names)
    table = read_table(path, ["usage.tokens.out", "a.b"])
    np.testing.assert_array_equal(table.numbers("usage.tokens.out"), [5, np.nan])
    assert table.numbers("a.b").tolist() == [1, 2]


def test_a_line_that_is_no_object_is_named(tmp_path):
    for text, words in (
        ('{"size": 1}\n\n[2]\n', r"\[2\] in line 3, which is no object"),
        ('{"size": 1}\n{"s', "in line 2"),
    ):
        (tmp_path / "t.jsonl").write_text(text)
        with pytest.raises(CorruptData, match=words):
            read_table(tmp_path / "t.jsonl", ["size"])
