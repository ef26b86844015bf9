import numpy as np
import pytest

from beforehand.core.errors import CorruptData
from beforehand.workloads.formats import swf
from beforehand.workloads.reading import Reading, look

HEADER = "; Version: 2.2\n; Computer: ours\n"
JOB = "1 100 5 900 4 -1 -1 4 3600 -1 1 3 1 -1 1 -1 -1 -1\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.swf"


def test_minus_one_is_not_known(path):
    path.write_text(HEADER + JOB + JOB.replace("900", "-1").replace("3600", "-1").replace(" 4 -1 -1 4", " -1 -1 -1 -1"))
    jobs = swf.read(str(path), Reading())
    for name in ("size", "cheap", "processors"):
        np.testing.assert_array_equal(np.isnan(jobs.columns[name]), [False, True])


def test_the_lines_are_those_of_the_file_with_its_comments(path):
    path.write_text(HEADER + JOB + "\n; noon\n" + JOB)
    np.testing.assert_array_equal(swf.read(str(path), Reading()).table.lines, [3, 6])


def test_parts_of_jobs_and_jobs_that_never_ran_are_left_out_and_failed_ones_stay(path):
    rows = [JOB.replace("-1 1 3", f"-1 {status} 3") for status in range(6)]
    path.write_text(HEADER + "".join(rows) + rows[5].replace("900", "0"))
    left_out = swf.read(str(path), Reading()).left_out
    np.testing.assert_array_equal(np.flatnonzero(left_out["part of a job"]), [2, 3, 4])
    np.testing.assert_array_equal(np.flatnonzero(left_out["cancelled before it ran"]), [6])


def test_it_is_known_by_its_name_or_by_a_header_above_18_numbers(path, tmp_path):
    path.write_text(JOB)
    assert swf.recognize(look(str(path)))
    other = tmp_path / "log.txt"
    other.write_text(HEADER + 2 * JOB)
    assert swf.recognize(look(str(other)))
    other.write_text(HEADER + 2 * JOB.replace(" -1\n", "\n"))
    assert not swf.recognize(look(str(other)))


def test_a_file_without_a_job_is_refused(path):
    path.write_text(HEADER + "1 2 3\n")
    with pytest.raises(CorruptData, match=r"log.swf has no line of 18 numbers"):
        swf.read(str(path), Reading())
