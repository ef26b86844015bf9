import re

from beforehand.reporting import conditions, markdown, seconds


def test_conditions_name_processor_and_versions():
    found = conditions()
    assert {"processor", "cores", "beforehand", "numpy", "python", "date"} <= set(found)
    assert all(found.values())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])


def test_seconds_runs_the_job_as_often_as_said_and_takes_the_least():
    ran = []
    assert 0 <= seconds(lambda: ran.append(sum(range(100_000 if not ran else 1))), 4) < 0.01
    assert len(ran) == 4


def test_a_bar_in_a_cell_does_not_end_it():
    assert markdown(["a", "b"], [["1 | 2", "3"]]) == ["| a | b |", "| --- | --- |", "| 1 \\| 2 | 3 |"]
