import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats import apache
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look

LINE = 'e.org 10.0.0.1 - - [29/Nov/2026:16:19:{:02} +0000] "GET /\\"a HTTP/1.1" 200 - "-" "curl/8"'


@pytest.fixture
def read(tmp_path):
    def of(*endings):
        path = tmp_path / "access.log"
        path.write_text("".join(f"{LINE.format(second)}{ending}\n" for second, ending in enumerate(endings)))
        assert recognized(look(str(path))) is apache
        return apache.read(str(path), Reading())

    return of


def test_a_number_at_the_end_is_microseconds_and_the_time_is_that_of_the_arrival(read):
    jobs = read(" 1500000", " 250", " 90000")
    np.testing.assert_array_equal(jobs.columns["size"], [1.5, 0.00025, 0.09])
    np.testing.assert_array_equal(jobs.columns["arrival"], [0, 1, 2])


def test_of_two_numbers_the_second_counts_where_the_first_is_the_same_in_seconds(read):
    jobs = read(" 1/1500000", " 0/250000", " 2/2999999")
    np.testing.assert_array_equal(jobs.columns["size"], [1.5, 0.25, 2.999999])


@pytest.mark.parametrize("endings", [[""] * 3, [" 431 902000", " 400 1200", " 9 8"]])
def test_lines_without_a_time_are_refused_and_bytes_are_taken_for_none(read, endings):
    with pytest.raises(InvalidInput, match=r"does not say how long requests took; add %D to Apache's LogFormat"):
        read(*endings)


def test_numbers_too_small_for_microseconds_are_refused(read):
    with pytest.raises(CorruptData, match="median 1, too small for %D's microseconds"):
        read(" 0", " 1", " 3")
