import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beforehand.cli.jobs import read_jobs, show_jobs
from beforehand.core import Trace
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.scheduling import Log

NONE = {"size": None, "cheap": None, "expensive": None, "arrival": None}
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,48,10\n2023-11-16 18:17:04.03,31,0\n"
PLAIN = "size,cheap,expensive,arrival\n3,1,2,0\n1,,1,0.5\n2,2,2,0.25\n"


def read(path, *, assume=None, seed=0, **columns):
    return read_jobs(path, columns=NONE | columns, assume=assume or {}, seed=seed)


def file(folder, text, name="log.csv"):
    path = folder / name
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "npz", "parquet"])
def test_every_format_gives_the_same_log(tmp_path, ending):
    Trace("jobs", {"size": [3, 1, 2], "cheap": [1.0, np.nan, 2.0], "arrival": [0, 0.5, 0.25]}).save(
        tmp_path / f"log.{ending}"
    )
    log = Log.read(read(tmp_path / f"log.{ending}"))
    np.testing.assert_array_equal(log.size, [3, 2, 1])
    np.testing.assert_array_equal(log.cheap, [1, 2, np.nan])
    np.testing.assert_array_equal(log.arrival, [0, 0.25, 0.5])


def test_options_say_which_column_is_which(tmp_path):
    path = file(tmp_path, "when,took,guess\n2024-05-10 00:00:02,5,4\n2024-05-10 00:00:00,7,9\n")
    trace = read(path, size="took", arrival="when", cheap="guess")
    np.testing.assert_array_equal(trace["size"], [7, 5])
    np.testing.assert_array_equal(trace["arrival"], [0, 2])
    np.testing.assert_array_equal(trace["cheap"], [9, 4])
    assert "guess" in trace.columns


def test_an_azure_csv_is_known_by_its_header(tmp_path):
    trace = read(file(tmp_path, AZURE))
    np.testing.assert_array_equal(trace["size"], [10])
    assert trace.meta["dropped"] == 1
    np.testing.assert_array_equal(read(file(tmp_path, AZURE), size="prompt_tokens")["size"], [48, 31])


def test_missing_predictions_are_drawn_on_request_and_that_is_said(tmp_path, capsys):
    path = tmp_path / "log.npz"
    Trace("jobs", {"size": np.ones(20_000)}).save(path)
    assume = {"cheap": 1.0, "expensive": 0.3}
    trace = read(path, assume=assume)
    errors = [np.log(trace[name]) for name in assume]
    assert [round(error.std(), 1) for error in errors] == [1.0, 0.3]
    assert abs(np.corrcoef(*errors)[0, 1]) < 0.05
    np.testing.assert_array_equal(trace["cheap"], read(path, assume=assume)["cheap"])
    assert (trace["cheap"] != read(path, assume=assume, seed=1)["cheap"]).all()
    show_jobs(trace)
    shown = capsys.readouterr().out
    assert "assumed cheap predictions with lognormal errors of sigma 1" in shown
    assert "left out" not in shown


def test_what_the_log_has_is_not_assumed(tmp_path):
    with pytest.raises(InvalidInput, match="has cheap predictions; leave --assume-cheap out"):
        read(file(tmp_path, PLAIN), assume={"cheap": 1.0})
    with pytest.raises(InvalidInput, match="sigma is -1"):
        read(file(tmp_path, "size\n1\n"), assume={"cheap": -1.0})


def test_rows_left_out_are_counted(tmp_path, capsys):
    trace = read(file(tmp_path, "size\n1\n\n0\n-3\nnan\n2\n"))
    np.testing.assert_array_equal(trace["size"], [1, 2])
    show_jobs(trace)
    assert "left out 3 rows whose size is not above 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("", CorruptData, "first line must give every column a name"),
        ("size,size\n1,2\n", CorruptData, "first line must give every column a name of its own"),
        ("size\n", InvalidInput, "none of the 0 rows has a size above 0"),
        ("size\n0\n", InvalidInput, "none of the 1 rows has a size above 0"),
        ("took\n1\n", InvalidInput, "no column 'size' among took; name one of them with --size"),
        ("size\n1\nten\n", CorruptData, "column size has 'ten' in row 1, counting from 0"),
        ("size,cheap\n1,2\n1,?\n", CorruptData, "column cheap has '.' in row 1"),
        ("size,arrival\n1,0\n1,soon\n", CorruptData, "column arrival has 'soon' in row 1"),
        ("size,arrival\n1,0\n1,inf\n", InvalidInput, "arrival is inf in row 1"),
        ("size\n1\ninf\n", InvalidInput, "size is inf in row 1"),
        ("size\n1\n1e308\n", InvalidInput, r"size is 1e\+308 in row 1"),
        ("size,cheap\n1,-2\n", InvalidInput, "cheap is -2.0 in row 0"),
        ("size,cheap\n1\n", CorruptData, "line 2 has 1 cells"),
        ("size\n\0\n", InvalidInput, "none of the 1 rows"),
        (b"size\n\xff\xfe\n", CorruptData, "cannot be read"),
        ('size\n"1\n', CorruptData, "cannot be read"),
    ],
)
def test_a_hostile_csv_is_refused_with_its_name(tmp_path, text, kind, words):
    with pytest.raises(kind, match=rf"log\.csv.*{words}"):
        read(file(tmp_path, text))


def test_objects_in_npz_are_never_unpickled_and_tables_are_no_sizes(tmp_path):
    path = tmp_path / "log.npz"
    np.savez(path, size=np.array([{}, 1], dtype=object))
    with pytest.raises(CorruptData, match="allow_pickle=False"):
        read(path)
    np.savez(path, size=np.ones((3, 2)))
    with pytest.raises(CorruptData, match=r"column size has shape \(3, 2\)"):
        read(path)
    np.savez(path, size=np.ones(3, dtype=complex))
    with pytest.raises(CorruptData, match="complex128"):
        read(path)
    Trace("vectors", {"size": [1.0]}).save(path)
    with pytest.raises(InvalidInput, match="holds 'vectors'"):
        read(path)


def test_one_row_is_a_log(tmp_path):
    assert len(read(file(tmp_path, "size\n5\n"))) == 1


@pytest.mark.slow
def test_a_million_equal_rows_are_a_log(tmp_path):
    assert len(read(file(tmp_path, "size,cheap\n" + "1,1\n" * 1_000_000))) == 1_000_000


GOOD = {
    "csv": PLAIN.encode(),
    "azure": AZURE.encode(),
    "jsonl": b'{"size": 1, "cheap": 2}\n{"size": 3, "cheap": null}\n',
}


@pytest.mark.parametrize("name", GOOD)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path, name, data):
    good = bytearray(GOOD[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(good)))
        new = data.draw(
            st.binary(max_size=4) | st.sampled_from([b",", b"\n", b'"', b"inf", b"-", b"e300", b"\0", b"_"])
        )
        good[place : place + data.draw(st.integers(0, 6))] = new
    path = file(tmp_path, bytes(good), "log.jsonl" if name == "jsonl" else "log.csv")
    refusal = ""
    try:
        found = len(Log.read(read(path)))
    except BeforehandError as error:
        found, refusal = 0, str(error)
    assert found or re.search(r"log\.(csv|jsonl)", refusal)


def test_the_unit_of_a_log_is_that_of_its_own_column_of_sizes(tmp_path):
    path = file(tmp_path, AZURE)
    assert read(path).meta["unit"] == "tokens"
    assert "unit" not in read(path, size="prompt_tokens").meta
    Trace("jobs", {"size": [3, 1], "wait": [1, 2]}, meta={"unit": "pages"}).save(tmp_path / "log.npz")
    assert read(tmp_path / "log.npz").meta["unit"] == "pages"
    assert "unit" not in read(tmp_path / "log.npz", size="wait").meta
