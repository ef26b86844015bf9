import dataclasses

import pytest

from beforehand.studies.skip_predict import trail


@pytest.fixture(scope="module")
def runs():
    return trail.grid(True)


def test_a_little_preemption_saves_a_third_of_memory_and_more_interruptions(runs):
    found = trail.saves_memory(runs)
    assert found.holds, found
    assert "response +0.8 %, memory -37 %, interruptions -61 %" in found.figure


def test_a_simulation_that_disagrees_is_not_reproduced(runs):
    wrong = dataclasses.replace(runs[3], simulated=dataclasses.replace(runs[3].simulated, memory=3.0))
    assert not trail.saves_memory([*runs[:3], wrong, runs[4]]).holds


def test_latency_that_does_not_fall_with_c_is_told(runs):
    assert trail.best_fraction(runs).direction
    slow = dataclasses.replace(runs[3], formula=dataclasses.replace(runs[3].formula, response_time=6.0))
    found = trail.best_fraction([*runs[:3], slow, runs[4]])
    assert not found.direction
    assert "does not always fall with C: 5.3610, 6.0000, 5.0985" in found.figure


def test_the_sheet_has_a_row_for_every_c(runs):
    rows = trail.sheet(runs).rows
    assert [row[:3] for row in rows[:2]] == [["0.9", "0", "5.3610"], ["0.9", "0.2", "5.1383"]]
    assert len(rows) == len(trail.FRACTIONS)
