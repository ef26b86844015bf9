import gzip
import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beforehand.core import Trace
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.scheduling import Log
from beforehand.workloads.job_log import JobColumns, read_job_log
from beforehand.workloads.reading import Reading

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,48,10\n2023-11-16 18:17:04.03,31,0\n"
PLAIN = "size,cheap,expensive,arrival\n3,1,2,0\n1,,1,0.5\n2,2,2,0.25\n"


def file(folder, text, name="log.csv"):
    path = folder / name
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return path


def read(path, **options):
    columns = {name: options.pop(name) for name in list(options) if name in JobColumns.__annotations__}
    return read_job_log(path, columns=JobColumns(**columns), **options)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "npz", "parquet"])
def test_every_format_gives_the_same_log(tmp_path, ending):
    Trace("jobs", {"size": [3, 1, 2], "cheap": [1.0, np.nan, 2.0], "arrival": [0, 0.5, 0.25]}).save(
        tmp_path / f"log.{ending}"
    )
    log = Log.read(read(tmp_path / f"log.{ending}"))
    np.testing.assert_array_equal(log.size, [3, 2, 1])
    np.testing.assert_array_equal(log.cheap, [1, 2, np.nan])
    np.testing.assert_array_equal(log.arrival, [0, 0.25, 0.5])


def test_options_say_which_column_is_which_and_the_trace_says_so(tmp_path):
    path = file(tmp_path, "when,took,guess\n2024-05-10 00:00:02,5,4\n2024-05-10 00:00:00,7,9\n")
    trace = read(path, size="took", arrival="when", cheap="guess")
    np.testing.assert_array_equal(trace["size"], [7, 5])
    np.testing.assert_array_equal(trace["arrival"], [0, 2])
    np.testing.assert_array_equal(trace["cheap"], [9, 4])
    assert trace.meta["columns"] == {"size": "took", "arrival": "when", "cheap": "guess"}


def test_rows_are_sorted_by_arrival_and_ties_keep_the_order_of_the_file(tmp_path):
    path = file(tmp_path, "size,arrival\n1,5\n2,1\n3,5\n4,0\n")
    assert read(path)["size"].tolist() == [4, 2, 1, 3]


def test_sizes_are_end_minus_start_to_the_last_digit(tmp_path):
    rows = [(1700000000000000256, 1700000000000000512), (1700000000000000000, 1700000000000000640)]
    path = file(tmp_path, "".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in rows), "log.jsonl")
    assert read(path, start="a", end="b")["size"].tolist() == [256, 640]
    path = file(
        tmp_path, "a,b\n2024-05-10T00:00:01.25,2024-05-10T00:00:02\n2024-05-10 02:00:00+02:00,2024-05-10T01:00Z\n"
    )
    trace = read(path, start="a", end="b")
    assert trace["size"].tolist() == [0.75, 3600]
    assert trace.meta["unit"] == "seconds"
    assert read(path, start="a", end="b", size_unit="min")["size"].tolist() == [0.0125, 60]


def test_jobs_that_have_not_ended_are_left_out_and_counted(tmp_path):
    path = file(tmp_path, "a,b\n2024-05-10,2024-05-11\nUnknown,\n2024-05-12,Unknown\n2024-05-12,2024-05-11\n")
    trace = read(path, start="a", end="b")
    assert trace["size"].tolist() == [86400]
    assert trace.meta["left_out"] == {"no size": 2, "size not above 0": 1}


def test_only_the_first_reason_counts_so_that_every_row_is_a_job_or_left_out_once(tmp_path):
    path = file(tmp_path, "size,state,arrival\n1,ok,1\n0,bad,1\n-1,ok,1\n,ok,1\n2,ok,\n3,ok,2\n")
    trace = read(path, where=["state=ok"])
    assert trace.meta["left_out"] == {"not state=ok": 1, "size not above 0": 1, "no size": 1, "no arrival": 1}
    assert len(trace) + sum(trace.meta["left_out"].values()) == 6


def test_weights_are_taken_only_if_they_are_named(tmp_path):
    path = file(tmp_path, "size,weight\n1,2\n2,\n3,4\n")
    assert "weight" not in read(path).columns
    trace = read(path, weight="weight")
    assert trace["weight"].tolist() == [2, 4]
    assert trace.meta["left_out"] == {"no weight": 1}


def test_a_missing_prediction_is_kept_and_counted_or_the_row_is_left_out_and_counted(tmp_path):
    path = file(tmp_path, "size,cheap\n1,2\n2,NA\n3,4\n0,\n")
    kept = read(path)
    np.testing.assert_array_equal(kept["cheap"], [2, np.nan, 4])
    assert (kept.meta["missing"], kept.meta["missing_rule"]) == ({"cheap": 1}, "last")
    dropped = read(path, missing="drop")
    assert dropped["cheap"].tolist() == [2, 4]
    assert dropped.meta["missing"] == {}
    assert dropped.meta["left_out"] == {"no cheap prediction": 1, "size not above 0": 1}
    with pytest.raises(InvalidInput, match="missing is 'first', but must be one of last, drop"):
        read(path, missing="first")


@pytest.mark.parametrize("missing", ["last", "drop"])
def test_a_column_without_any_prediction_is_none_and_its_jobs_stay(tmp_path, missing):
    path = file(tmp_path, "size,cheap,guess\n1,,\n2,,\n")
    trace = read(path, missing=missing)
    assert len(trace) == 2
    assert "cheap" not in trace.columns
    assert trace.meta["missing"] == {"cheap": 2}
    assert "cheap" in read(path, assume={"cheap": 1.0}).columns
    with pytest.raises(InvalidInput, match="no prediction in column guess for any of 2 jobs; name another"):
        read(path, cheap="guess", missing=missing)


def test_predictions_are_drawn_on_request_and_that_is_kept(tmp_path):
    path = tmp_path / "log.npz"
    Trace("jobs", {"size": np.ones(20_000)}).save(path)
    assume = {"cheap": 1.0, "expensive": 0.3}
    trace = read(path, assume=assume)
    errors = [np.log(trace[name]) for name in assume]
    assert [round(error.std(), 1) for error in errors] == [1.0, 0.3]
    assert abs(np.corrcoef(*errors)[0, 1]) < 0.05
    np.testing.assert_array_equal(trace["cheap"], read(path, assume=assume)["cheap"])
    assert (trace["cheap"] != read(path, assume=assume, seed=1)["cheap"]).all()
    assert trace.meta["assumed"] == assume


def test_what_the_log_has_is_not_assumed(tmp_path):
    with pytest.raises(InvalidInput, match="has cheap predictions; leave --assume-cheap out"):
        read(file(tmp_path, PLAIN), assume={"cheap": 1.0})
    with pytest.raises(InvalidInput, match="sigma is -1"):
        read(file(tmp_path, "size\n1\n"), assume={"cheap": -1.0})
    with pytest.raises(InvalidInput, match="assume is 'size', but must be one of cheap, expensive"):
        read(file(tmp_path, "size\n1\n"), assume={"size": 1.0})


def test_a_public_log_is_known_by_its_header_and_says_its_units(tmp_path):
    path = file(tmp_path, AZURE)
    trace = read(path)
    assert trace["size"].tolist() == [10]
    assert trace.meta["left_out"] == {"size not above 0": 1}
    assert (trace.meta["unit"], trace.meta["time_unit"]) == ("tokens", "seconds")
    assert trace.meta["source"] == "Azure LLM inference trace"
    assert "service_rate" not in trace.meta
    assert read(path, size="prompt_tokens")["size"].tolist() == [48, 31]
    assert read(path, size="ContextTokens")["size"].tolist() == [48, 31]
    assert read(path, where=["ContextTokens>40"]).meta["left_out"] == {"not ContextTokens>40": 1}


def test_tokens_at_seconds_take_a_service_rate(tmp_path):
    path = file(tmp_path, AZURE + "2023-11-16 18:17:05.97,1,30\n")
    with pytest.raises(InvalidInput, match=r"sizes are in tokens and arrivals in seconds.*--tokens-per-second"):
        Log.read(read(path)).measured_load()
    log = Log.read(read(path, tokens_per_second=40))
    assert log.service_rate == 40
    assert log.measured_load() == pytest.approx(20 / 40 / 2)


def test_a_size_of_no_known_unit_at_dates_is_refused_where_a_load_is_measured(tmp_path):
    path = file(tmp_path, "size,arrival\n5,2024-05-10 00:00:00\n7,2024-05-10 00:00:09\n")
    with pytest.raises(InvalidInput, match=r"unit of the sizes is not known.*--size-unit seconds"):
        Log.read(read(path)).measured_load()
    assert Log.read(read(path, size_unit="s")).measured_load() == pytest.approx(6 / 9)
    assert Log.read(read(path, size_unit="ms")).measured_load() == pytest.approx(0.006 / 9)


@pytest.mark.parametrize("ending", ["npz", "jsonl", "parquet"])
def test_a_trace_of_ours_says_the_unit_of_its_own_columns(tmp_path, ending):
    path = tmp_path / f"log.{ending}"
    Trace("jobs", {"size": [3, 1], "wait": [1, 2]}, meta={"unit": "pages"}).save(path)
    assert read(path).meta["unit"] == "pages"
    assert "unit" not in read(path, size="wait").meta
    with pytest.raises(InvalidInput, match="sizes in pages, which no factor converts to seconds"):
        read(path, size_unit="s")


def test_only_named_columns_are_read(tmp_path):
    lines = [
        {"size": 1, "hash_ids": [1, 2], "note": None},
        {"size": 2, "id": 2**70, "tokens/s": 1.5, "usage": {"a": 1}},
    ]
    path = file(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "log.jsonl")
    assert list(read(path).columns) == ["size"]
    assert read(path)["size"].tolist() == [1, 2]


@pytest.mark.parametrize("ending", ["jsonl", "json"])
def test_predictions_that_begin_late_in_a_file_are_not_overlooked(tmp_path, ending):
    records = [{"size": 1, "text": "x" * 100} for _ in range(2000)] + [{"size": 2, "cheap": 3, "state": "done"}]
    path = tmp_path / f"t.{ending}"
    path.write_text("\n".join(map(json.dumps, records)) if ending == "jsonl" else json.dumps(records))
    trace = read_job_log(path)
    assert trace.meta["missing"] == {"cheap": 2000}
    assert trace["cheap"][-1] == 3
    assert len(read_job_log(path, where=["state=done"])) == 1


def test_compressed_files_and_odd_dialects_are_read_as_asked(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"0:01:30;1,5\n0:00:30;2,5\n"))
    trace = read(path, size="1", cheap="2", reading=Reading(header=False, decimal=",", separator=";"))
    assert trace["size"].tolist() == [90, 30]
    assert trace["cheap"].tolist() == [1.5, 2.5]
    assert trace.meta["unit"] == "seconds"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("size\n", InvalidInput, "none of the 0 rows .* is a finished job with a size above 0"),
        ("size\n0\n", InvalidInput, r"none of the 1 rows .* \(1 size not above 0\); name the column of sizes"),
        ("took\n1\n", InvalidInput, "no column 'size' among took; name one of them with --size, or two with --start"),
        ("size\n1\nten\n", CorruptData, "'ten' in column size, line 3"),
        ("size,cheap\n1,2\n1,?\n", CorruptData, r"'\?' in column cheap, line 3"),
        ("size,arrival\n1,0\n1,soon\n", CorruptData, "'soon' in column arrival, line 3"),
        ("size,arrival\n1,0\n1,inf\n", InvalidInput, r"arrival is inf in line 3, but must be from -1e\+100"),
        ("size\n1\ninf\n", InvalidInput, r"size is inf in line 3, but must be from 0 to 1e\+100; fix the row"),
        ("size\n1\n1e308\n", InvalidInput, r"size is 1e\+308 in line 3"),
        ("size,cheap\n1,-2\n", InvalidInput, "cheap is -2 in line 2, .*, or empty where there is none"),
        ("size\n1e-200\n", InvalidInput, "size has mean"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused_with_file_line_and_remedy(tmp_path, text, kind, words):
    with pytest.raises(kind, match=words) as refused:
        read(file(tmp_path, text))
    assert "log.csv" in str(refused.value)


def test_filters_that_leave_nothing_are_what_to_change(tmp_path):
    with pytest.raises(InvalidInput, match=r"\(2 not state=done\); let others pass \(--where\)"):
        read(file(tmp_path, "size,state\n1,ok\n2,ok\n"), where=["state=done"])


def test_rows_that_are_left_out_veto_nothing(tmp_path):
    text = "size,cheap,arrival,state\n1,2,0,ok\n1e300,-5,inf,bad\n2,1,1,ok\n"
    trace = read(file(tmp_path, text), where=["state=ok"])
    assert trace["size"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"start": "a"}, "--start a is given; name both --start and --end"),
        ({"size": "a", "start": "a", "end": "b"}, "--size a and --start a and --end b is given"),
        ({"size": "c"}, "no column 'c' among a, b, d; name one of them with --size"),
        ({"size": "a", "cheap": "x"}, "no column 'x' among a, b, d; name one of them with --cheap"),
        ({"start": "a", "end": "d"}, "numbers in column a, but dates in d; take two of a kind"),
    ],
)
def test_columns_that_are_not_there_or_do_not_go_together_are_refused(tmp_path, columns, words):
    with pytest.raises(InvalidInput, match=re.escape(words)):
        read(file(tmp_path, "a,b,d\n1,2,2024-05-10\n"), **columns)


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


CELLS = st.sampled_from(["1", "2.5", "0", "-1", "", "NA", "inf", "1e308", "1e-300"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6), missing=st.sampled_from(["last", "drop"]))
def test_any_numbers_become_a_log_in_which_every_row_is_counted_or_a_named_error(tmp_path, rows, missing):
    text = "size,cheap,arrival\n" + "".join(",".join(row) + "\n" for row in rows)
    try:
        trace = read(file(tmp_path, text), missing=missing)
    except InvalidInput:
        return
    assert len(Log.read(trace)) + sum(trace.meta["left_out"].values()) == len(rows)
