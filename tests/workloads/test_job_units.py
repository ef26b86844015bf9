import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.job_log import JobColumns, read_job_log


def read(folder, text, *, size_unit=None, time_unit=None, tokens_per_second=None, **columns):
    path = folder / "log.csv"
    path.write_text(text)
    units = {"size_unit": size_unit, "time_unit": time_unit, "tokens_per_second": tokens_per_second}
    return read_job_log(path, columns=JobColumns(**columns), **units)


def test_numbers_are_in_the_unit_that_is_given_or_in_that_of_their_name(tmp_path):
    text = "size,took_ms,arrival\n5,5,0\n7,7,1\n"
    assert "unit" not in read(tmp_path, text).meta
    assert read(tmp_path, text, size_unit="h").meta["unit"] == "hours"
    assert read(tmp_path, text, size="took_ms").meta["unit"] == "milliseconds"
    renamed = read(tmp_path, text, size="took_ms", size_unit="s")
    assert renamed["size"].tolist() == [5, 7]  # a name is a guess, and an option is not
    assert renamed.meta["unit"] == "seconds"


def test_what_is_certain_is_converted(tmp_path):
    trace = read(tmp_path, "size,cheap,at\n0:30,0:01:00,0\n1:30,90,1\n", size_unit="min", arrival="at")
    assert trace["size"].tolist() == [0.5, 1.5]
    assert trace["cheap"].tolist() == [1, 1.5]
    assert trace.meta["unit"] == "minutes"


def test_predictions_in_another_unit_of_time_by_their_name_are_converted(tmp_path):
    trace = read(tmp_path, "took_s,guess_ms\n2,1500\n3,2500\n", size="took_s", cheap="guess_ms")
    assert trace["cheap"].tolist() == [1.5, 2.5]
    mixed = read(tmp_path, "took_s,prompt_tokens\n2,15\n3,25\n", size="took_s", cheap="prompt_tokens")
    assert mixed["cheap"].tolist() == [15, 25]  # an order is all that there is to go by
    with pytest.raises(InvalidInput, match="cheap predictions in seconds, but the unit of the sizes is not known"):
        read(tmp_path, "size,cheap\n2,0:10\n3,0:20\n")
    with pytest.raises(InvalidInput, match="cheap predictions in seconds, which no factor converts to pages"):
        read(tmp_path, "size,cheap\n2,0:10\n3,0:20\n", size_unit="pages")


def test_a_load_is_measured_in_the_units_of_the_columns(tmp_path):
    text = "took_ms,at_s\n500,0\n300,1\n"
    trace = read(tmp_path, text, size="took_ms", arrival="at_s")
    assert (trace.meta["unit"], trace.meta["time_unit"], trace.meta["service_rate"]) == (
        "milliseconds",
        "seconds",
        1000,
    )
    dated = read(
        tmp_path, "took_ms,at\n500,2026-01-01\n300,2026-01-02\n", size="took_ms", arrival="at", time_unit="days"
    )
    assert dated["arrival"].tolist() == [0, 1]
    assert dated.meta["service_rate"] == 86_400_000
    with pytest.raises(InvalidInput, match=r"time_unit is pages, but arrivals of .* are in seconds; leave --time-unit"):
        read(tmp_path, "size,at\n5,2026-01-01\n", arrival="at", time_unit="pages")


@pytest.mark.parametrize(("time_unit", "rate"), [(None, 50), ("s", 50), ("ms", 0.05), ("minutes", 3000)])
def test_tokens_in_a_second_are_a_rate_in_any_unit_of_time(tmp_path, time_unit, rate):
    trace = read(tmp_path, "size,arrival\n5,0\n7,1\n", tokens_per_second=50, time_unit=time_unit)
    assert trace.meta["unit"] == "tokens"
    assert trace.meta["service_rate"] == pytest.approx(rate)


def test_tokens_in_a_second_need_sizes_in_tokens(tmp_path):
    with pytest.raises(InvalidInput, match=r"sizes of .* are in seconds; leave --tokens-per-second out"):
        read(tmp_path, "size\n0:10\n", tokens_per_second=50)
    with pytest.raises(InvalidInput, match="arrivals are in pages; leave --tokens-per-second out"):
        read(tmp_path, "size,arrival\n5,0\n", tokens_per_second=50, time_unit="pages")
    with pytest.raises(InvalidInput, match="tokens_per_second is 0, but must be above 0"):
        read(tmp_path, "size,arrival\n5,0\n", tokens_per_second=0)


def test_arrivals_by_the_clock_are_in_seconds(tmp_path):
    text = "took_ms,at\n500,10:00:00\n300,10:01:00\n"
    trace = read(tmp_path, text, size="took_ms", arrival="at")
    assert (trace.meta["time_unit"], trace.meta["service_rate"]) == ("seconds", 1000)
    assert read(tmp_path, text, size="took_ms", arrival="at", time_unit="minutes")["arrival"].tolist() == [0, 1]


def test_predictions_that_a_format_derives_keep_their_unit_beside_other_sizes(tmp_path):
    text = "JobID|Submit|Elapsed|Timelimit|wait_ms|cpu\n1|2026-01-01T00:00:00|0:05:00|0:10:00|60000|7\n"
    assert read(tmp_path, text, size="wait_ms")["cheap"].tolist() == [600_000]
    with pytest.raises(InvalidInput, match="cheap predictions in seconds, but the unit of the sizes is not known"):
        read(tmp_path, text, size="cpu")
    assert read(tmp_path, text, size="cpu", size_unit="min")["cheap"].tolist() == [10]
