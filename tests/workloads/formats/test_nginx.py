import json

import numpy as np
import pytest

from beforehand.workloads.formats import nginx
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look

LINE = '10.0.0.1 - - [29/Nov/2026:16:19:{:02} +0100] "GET / HTTP/1.1" 200 612 "-" "curl/8"'


@pytest.fixture
def read(tmp_path):
    def of(*lines, name="access.log"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        assert recognized(look(str(path))) is nginx
        return nginx.read(str(path), Reading())

    return of


@pytest.mark.parametrize(
    "ending", [" 0.250", " rt=0.250", "|0.250", ' "-" 0.250', ' 812 "0.250"', " request_time: 0.250"]
)
def test_a_line_is_written_when_the_request_is_over(read, ending):
    jobs = read(LINE.format(1) + ending, LINE.format(3) + ending.replace("0.250", "1.500"))
    np.testing.assert_allclose(jobs.columns["size"], [0.25, 1.5])
    np.testing.assert_allclose(jobs.columns["arrival"], [0, 0.75])  # 1 - .25 and 3 - 1.5
    assert not jobs.left_out


@pytest.mark.parametrize(
    "form",
    [' rt={0} urt="{1}"', " {0} {1}", "|{0}|{1}", ' "{1}" {0}', " upstream_response_time={1} request_time={0}"],
)
def test_times_of_upstream_servers_are_summed_and_count_instead_of_the_whole(read, form):
    pairs = [("0.300", "0.250"), ("0.300", "0.100, 0.150"), ("0.300", "0.020 : 0.100"), ("0.001", "-")]
    jobs = read(*(LINE.format(second) + form.format(*pair) for second, pair in enumerate(pairs * 2)))
    np.testing.assert_allclose(jobs.columns["size"], [0.25, 0.25, 0.12, np.nan] * 2)
    np.testing.assert_allclose(jobs.columns["request_time"], [0.3, 0.3, 0.3, 0.001] * 2)
    np.testing.assert_array_equal(jobs.left_out[nginx.ANSWERED], [False, False, False, True] * 2)


def test_a_server_without_upstream_servers_is_planned_by_the_whole_time(read):
    jobs = read(*(LINE.format(second) + ' rt=0.250 urt="-"' for second in range(3)))
    np.testing.assert_allclose(jobs.columns["size"], 0.25)
    assert not jobs.left_out


@pytest.mark.parametrize(
    ("key", "times"),
    [("time_local", ["29/Nov/2026:16:19:01 +0000", "29/Nov/2026:16:19:03 +0000"]),
     ("time_iso8601", ["2026-11-29T16:19:01+00:00", "2026-11-29T16:19:03+00:00"]),
     ("msec", [1796055541.0, 1796055543.0]), ("time", ["2026-11-29T16:19:01+00:00", "2026-11-29T16:19:03+00:00"])],
)  # fmt: skip
def test_json_is_read_by_the_names_of_nginx(read, key, times):
    records = [json.dumps({key: time, "request_time": 0.5, "status": 200}) for time in times]
    np.testing.assert_allclose(read(*records, name="access.json").columns["arrival"], [0, 2])
