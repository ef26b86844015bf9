import numpy as np
import pytest

from beforehand.studies.avq import tables
from beforehand.studies.avq.tables import COLUMNS, DATA, EXPECTED, QUICK, agreement, measure, sheet, winners


@pytest.fixture(scope="module")
def means():
    return measure(True, lambda what: None)


def test_every_mean_at_65536_values_is_the_known_one_to_its_digits(means):
    found = agreement(means)
    assert found.holds, found.figure
    assert (found.figure, found.scale) == ("8 of 8 means", "2^16")


def test_a_mean_that_is_off_by_one_digit_is_named(means, monkeypatch):
    monkeypatch.setitem(EXPECTED, "Normal", (".850", *EXPECTED["Normal"][1:]))
    found = agreement(means)
    assert not found.holds
    assert found.figure == "7 of 8 means; not Normal, s = 4, 2^16: .849 for .850"


def test_every_distribution_has_a_figure_for_every_column():
    assert set(EXPECTED) == set(DATA)
    assert all(len(figures) == len(COLUMNS) for figures in EXPECTED.values())


def test_truncated_normal_values_lie_within_one():
    x = tables.truncated_normal(np.random.default_rng(0), 1000)
    assert len(x) == 1000
    assert np.abs(x).max() <= 1


def test_the_sheet_has_rotation_below_the_data(means):
    rows = sheet(means).rows
    assert [row[0] for row in rows] == [*QUICK, "any, after rotation"]
    assert rows[0] == ["Normal", ".849 (0.035)", ".1216 (0.022)", ".02427 (0.016)", ".001307 (0.014)"]
    assert rows[-1][1:] == ["0.133", "0.0358", "0.00959", "0.000645"]


def test_rotation_wins_on_normal_and_lognormal_data(means):
    assert winners(means).rows[2] == ["16 levels, 2^16 values", "none", "Normal, LogN(0,1)"]


def test_adaptive_levels_are_named_where_they_win():
    flat = {"Uniform[-1,1]": [np.array([0.2216]), np.array([0.0408]), np.array([0.00886]), np.array([0.0005])]}
    assert winners(flat).rows[1:3] == [
        ["8 levels, 2^16 values", "none", "Uniform[-1,1]"],
        ["16 levels, 2^16 values", "Uniform[-1,1]", "none"],
    ]
