import csv
import json
import os
import signal
import threading
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beforehand import _native
from beforehand.cli import stream_inputs
from beforehand.cli.interrupts import Interrupts
from beforehand.cli.stream_inputs import StreamInput
from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput, MissingDependency

KEYS = ["a", "b", "", "a", "c c", "é"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def feed(*files, interrupts=None, update=lambda keys, weights: None, **options):
    """All keys and weights of these files, as Python has them, and the bytes that were read."""
    keys, weights, size = [], [], []

    def take(some, weight):
        held = _native.Keys(some, 0)
        rows = np.arange(len(held), dtype=np.uint64)
        keys.extend([None] * len(held) if held.nulls else list(held.take(rows)))
        weights.extend([1] * len(held) if weight is None else np.asarray(weight).tolist())
        update(some, weight)

    with Interrupts() as listening:
        StreamInput(files=[str(file) for file in files], **options).feed(take, interrupts or listening, size.append)
    return keys, weights, sum(size)


def write(name, text):
    with open(name, "wb") as stream:
        stream.write(text if isinstance(text, bytes) else text.encode())
    return name


def test_lines_and_words_of_several_files_are_one_stream():
    one, two = write("one.log", "a\nb\n\na"), write("two", "c c\r\né\n")
    assert feed(one, two)[0] == ["a", "b", "", "a", "c c", "é"]
    assert feed(one, two, format="words") == (["a", "b", "a", "c", "c", "é"], [1] * 6, 14)


def test_nothing_is_read_from_empty_files():
    for name in ("empty.txt", "empty.csv", "empty.jsonl"):
        assert feed(write(name, "")) == ([], [], 0)


def test_bytes_that_are_no_utf8_are_keys():
    assert feed(write("x.txt", b"\xff\n"))[0] == ["\\xff"]


@pytest.fixture(params=["by pyarrow", "by the standard library"])
def csv_reader(request, monkeypatch):
    if "standard" in request.param:
        monkeypatch.setattr(stream_inputs, "find_spec", lambda name: None)


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_gives_a_column_as_text(end):
    rows = ["n,name,key", "1,x,10", '2,"y, ""z""' + end + '",20', "", "3,é,30"]
    name = write("x.csv", "\ufeff" + end.join(rows))
    assert feed(name)[:2] == (["10", "20", "30"], [1, 1, 1])
    assert feed(name, column="name", weights="key")[:2] == (["x", f'y, "z"{end}', "é"], [10, 20, 30])
    assert feed(name, column="n")[0] == ["1", "2", "3"]  # beside the byte order mark


@pytest.mark.parametrize("block", [1, 2, 3, 4, 100])
@pytest.mark.parametrize(
    ("form", "text", "keys"),
    [
        ("text", "é\n\ufeffb\n", ["é", "\ufeffb"]),
        ("words", "a b", ["a", "b"]),
        ("jsonl", '{"key": "a"}\n', ["a"]),
        ("text", "", []),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_first_key(monkeypatch, block, form, text, keys):
    monkeypatch.setattr("beforehand.streams.text.BLOCK", block)
    for mark in ("", "\ufeff"):
        assert feed(write("x", mark + text), format=form)[0] == keys
    assert feed(write("x", b"\xef\xbb"), format="text")[0] == ["\\xef\\xbb"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch, form):
    monkeypatch.setattr(stream_inputs, "find_spec", lambda name: None)
    monkeypatch.setattr("beforehand.cli.stream_tables.LONGEST", 1000)
    monkeypatch.setattr("beforehand.streams.text.BLOCK", 100)
    head = {"csv": "key\n", "jsonl": '{"key": "a"}\n'}[form]
    assert len(feed(write("x", head + "1" * 900), format="csv")[0]) == 1
    with pytest.raises(InvalidInput, match="x: line 2 is longer than 1,000 bytes, the longest that is read"):
        feed(write("x", head + "1" * 2000), format=form)


@pytest.mark.usefixtures("csv_reader")
def test_bytes_that_are_no_utf8_are_keys_of_csv_too():
    assert feed(write("x.csv", b"key\n\xff\n"))[0] == ["\\xff"]


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.parametrize("text", ["", "\n\n", "key", "key\n", "key\n\n", "n,key,n\n", "\ufeffkey\r\n"])
def test_csv_without_rows_has_no_keys(text):
    assert feed(write("x.csv", text))[:2] == ([], [])


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.parametrize(
    ("head", "column"),
    [(b"n,key\n", None), (b"\n\nn,key\n", None), (b'n,"ke\ny"\n', "ke\ny"), (b"n,\xff\n", "\\xff"),
     (b"n,n,key\n", "key"), (b'\xef\xbb\xbf"n","key"\n', "key")],
    ids=["plain", "after empty lines", "two lines", "no UTF-8", "twice", "after a byte order mark"],
)  # fmt: skip
def test_names_of_columns_may_be_odd(head, column):
    row = b"0,1,a\n" if head.startswith(b"n,n") else b"0,a\n"
    assert feed(write("x.csv", head + row), column=column)[0] == ["a"]


@pytest.mark.usefixtures("csv_reader")
@pytest.mark.parametrize("text", ["key\rn\r1\r2\r", "k" * 200_000 + "\n1\n", '"key\n1\n2\n'])
def test_a_head_that_is_no_row_is_said_with_the_file(text):
    with pytest.raises(CorruptData, match=r"^x.csv: line \d+ is no csv: .*; repair it"):
        feed(write("x.csv", text))


@pytest.mark.usefixtures("csv_reader")
@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=9),
                          st.integers(1, 2**40)), max_size=30))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_of_any_cells_is_read_as_it_was_written(rows):
    with open("x.csv", "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([("w", "key", "n"), *((weight, key, 0) for key, weight in rows)])
    keys, weights, size = feed("x.csv", weights="w")
    assert (keys, weights) == ([key for key, _ in rows], [weight for _, weight in rows])
    assert size == os.path.getsize("x.csv") or not rows


def test_jsonl_gives_strings_or_integers_and_null_is_no_key():
    rows = [{"key": 5, "w": 2}, {"w": 3, "key": -1}, {"key": 7, "w": 1}]
    name = write("x.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    assert feed(name, weights="w")[:2] == ([5, -1, 7], [2, 3, 1])
    assert feed(write("y.ndjson", '{"user": "é"}\n{"user": "b"}'))[0] == ["é", "b"]
    assert feed(write("z.jsonl", '{"key": null}\n'))[0] == [None]


def test_parquet_and_traces_are_read_batch_by_batch(monkeypatch):
    monkeypatch.setattr("beforehand.cli.stream_tables.ROWS", 1000)
    x = np.arange(5000) % 7
    pa.parquet.write_table(pa.table({"w": x + 1, "key": [f"k{i}" for i in x]}), "x.parquet", row_group_size=1500)
    keys, weights, size = feed("x.parquet", weights="w")
    assert (keys, weights) == ([f"k{i}" for i in x], (x + 1).tolist())
    assert 0 < size <= os.path.getsize("x.parquet")
    Trace("stream", {"key": x, "weight": x + 1}).save("x.npz")
    assert feed("x.npz")[:2] == (x.tolist(), [1] * 5000)
    for array in (x, np.array(["a", "b"]), np.array([b"a"])):
        np.save("x.npy", array)
        assert feed("x.npy")[0] == array.tolist()
    assert feed("x.npz", weights="weight")[1] == (x + 1).tolist()


def test_packets_are_recognized_by_the_fields_of_tshark():
    write("x.csv", "frame.time_epoch,ip.src,ip.dst,frame.len\n1.5,0.0.0.1,0.0.0.2,60\n")
    assert feed("x.csv", weights="weight")[:2] == ([1 << 32 | 2], [60])


def test_stdin_is_a_file_too(monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, b"key\na\nb\n")
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert feed("-", format="csv")[0] == ["a", "b"]


def test_a_closed_stdin_is_said_to_be(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InvalidInput, match="stdin: it is closed; pipe something in"):
        feed("-")


def test_an_ending_does_not_outweigh_the_format_that_is_given():
    assert feed(write("x.gz", "a\nb\n"), format="text")[0] == ["a", "b"]


def test_a_followed_file_may_vanish_between_two_looks(monkeypatch):
    monkeypatch.setattr(stream_inputs, "POLL", 0.01)
    write("x", "a\n")
    looks = []

    def replaced(file, descriptor):
        looks.append(file)
        if len(looks) == 2:
            os.remove("x")
            return True  # it was there a moment ago
        if len(looks) == 4:
            interrupt()
        return False

    monkeypatch.setattr(stream_inputs, "_replaced", replaced)
    assert feed("x", follow=True)[0] == ["a"]


def test_sizes_are_told_where_they_are_known():
    write("x", "a\nb\n")
    assert StreamInput(files=["x", "x"]).size() == 8
    assert StreamInput(files=["x", "-"]).size() is None
    assert StreamInput(files=["x"], follow=True).size() is None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_followed_file_may_grow_and_begin_anew_until_ctrl_c(monkeypatch):
    monkeypatch.setattr(stream_inputs, "POLL", 0.01)
    write("first", "0\n")
    write("x", "a\nb")
    seen = Counter()

    def update(keys, _):
        held = _native.Keys(keys, 0)
        seen.update(held.take(np.arange(len(held), dtype=np.uint64)))

    def wait_for(key):
        end = time.monotonic() + 30
        while not seen[key] and time.monotonic() < end:
            time.sleep(0.005)

    def grow():
        wait_for("a")
        with open("x", "a") as stream:
            stream.write("c\nd\n")
        wait_for("d")
        write("x", "e\n")  # emptied
        wait_for("e")
        with open("x", "a") as stream:
            os.rename("x", "x.1")  # rotated, with a last line in the old file
            stream.write("f\n")
        wait_for("f")
        write("x", "g\n")
        wait_for("g")
        with open("x", "a") as stream:
            stream.write("cut in ")
        time.sleep(0.1)
        interrupt()

    thread = threading.Thread(target=grow)
    thread.start()
    keys, _, _ = feed("first", "x", follow=True, update=update)
    thread.join()
    assert keys == ["0", "a", "bc", "d", "e", "f", "g"]


@pytest.mark.parametrize(("name", "text"), [("x.txt", "a\n"), ("x.csv", "key\na\n"), ("x.jsonl", '{"key": "a"}\n')])
def test_ctrl_c_keeps_what_was_read_and_nothing_of_half_a_row(name, text, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, (text + text[0]).encode())
    threading.Timer(0.1, interrupt).start()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert feed("-", format=name[2:].replace("txt", "text"))[0] == ["a"]
    os.close(writing)


def test_ctrl_c_between_two_batches_leaves_the_rest(monkeypatch):
    monkeypatch.setattr("beforehand.streams.text.BLOCK", 4)
    write("x", "a\nb\nc\nd\n")
    write("y", "e\n")
    assert feed("x", "y", update=lambda keys, _: interrupt() if len(keys) else None)[0] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "text", "options", "error", "message"),
    [
        (
            "x.txt",
            "a\n",
            {"column": "c"},
            InvalidInput,
            "column is 'c', but this is read as text, which has no",
        ),
        ("x.txt", "a\n", {"weights": "w"}, InvalidInput, "weights is 'w', but this is read as text"),
        ("x.txt", "x" * (2**20 + 1), {}, InvalidInput, "the line at byte 0 is longer than 1048576 bytes"),
        ("x.csv", "a,b\n1,2\n", {}, InvalidInput, "it has the columns a, b; say by --column which one holds the keys"),
        ("x.csv", "a,b\n1,2\n", {"column": "c"}, InvalidInput, "it has no column 'c' among a, b; name one by --column"),
        ("x.csv", "a,a\n1,2\n", {"column": "a"}, InvalidInput, "it has more than one column 'a' among a, a"),
        (
            "x.csv",
            "key,w\n1,2.5\n",
            {"weights": "w"},
            CorruptData,
            "it is no csv: .*Row #2: .*int64: invalid value '2.5'",
        ),
        ("x.csv", "key,w\n1,\n", {"weights": "w"}, CorruptData, "it is no csv: .*Row #2: .*int64: invalid value ''"),
        (
            "x.csv",
            "key\n1\n1,2\n",
            {},
            CorruptData,
            "it is no csv: .*Row #3: Expected 1 columns, got 2: 1,2; repair it",
        ),
        ("x.csv", "key\n1\n", {"follow": True}, InvalidInput, "only text can be followed, but this is read as csv"),
        ("x.jsonl", "a\n", {}, CorruptData, "line 1 is no JSON"),
        ("x.jsonl", '{"key": 1}\n[1]\n', {}, CorruptData, r"line 2 is no object, but \[1\]"),
        ("x.jsonl", '{"key": 1}\n{"k": 1}\n', {}, InvalidInput, "line 2 has no field 'key' as the first has"),
        ("x.jsonl", '{"key": 1.5}\n', {}, InvalidInput, r"keys\[0\] is of type float"),
        ("x.parquet", "PAR1", {}, CorruptData, "it is no whole Parquet file"),
        (
            "-",
            "",
            {"format": "parquet"},
            InvalidInput,
            "stdin: parquet is read from its end, which stdin does",
        ),
        ("missing", None, {}, InvalidInput, "missing: it cannot be read: No such file or directory; check the path"),
        ("missing.parquet", None, {}, InvalidInput, "it cannot be read: No such file or directory"),
        (".", None, {}, InvalidInput, "it cannot be read: Is a directory"),
        ("x.bhss", "a\n", {}, InvalidInput, "it holds a summary or a model, not a stream; look at it by beforehand"),
        ("x.npy", "a\n", {}, CorruptData, "x.npy is not an array in .npy"),
        ("x.log.gz", "a\n", {}, InvalidInput, r"it is compressed; pipe it in: zcat x.log.gz \| beforehand streams"),
        ("x.csv.ZST", "key\n", {}, InvalidInput, "it is compressed; pipe it in: zstdcat"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_file(name, text, options, error, message):
    if text is not None and name != "-":
        write(name, text)
    with pytest.raises(error, match=message) as raised:
        feed(name, **options)
    assert str(raised.value).startswith("stdin" if name == "-" else name)


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        (
            "key,w\n1,2.5\n",
            {"weights": "w"},
            InvalidInput,
            "line 2 has the weight '2.5', but weights are integers from",
        ),
        ("key\n1\n1,2\n", {}, CorruptData, "line 3 has 2 cells, but the first has 1; repair it"),
        ('key\n"a\nb\n', {}, CorruptData, "line 3 is no csv: unexpected end of data; repair it"),
    ],
)
def test_csv_that_is_damaged_is_refused_without_pyarrow_too(text, options, error, message, monkeypatch):
    monkeypatch.setattr(stream_inputs, "find_spec", lambda name: None)
    with pytest.raises(error, match=f"x.csv: {message}"):
        feed(write("x.csv", text), **options)


def test_a_truncated_parquet_file_is_refused(here):
    pa.parquet.write_table(pa.table({"key": [f"key {i}" for i in range(10_000)]}), "x.parquet")
    whole = (here / "x.parquet").read_bytes()
    for size in (10, len(whole) // 2, len(whole) - 1):
        write("cut.parquet", whole[:size])
        with pytest.raises(CorruptData, match=r"cut.parquet: it is no whole Parquet file: .*; write it again"):
            feed("cut.parquet")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch):
    write("x.parquet", "")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"need pyarrow; pip install 'beforehand\[parquet\]'"):
        feed("x.parquet")
