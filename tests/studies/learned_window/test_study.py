import pytest

from beforehand.core.errors import InvalidInput
from beforehand.studies.learned_window import study as learned_window
from tests.studies import contract

VERDICTS = {  # what we expect, and why in the study's own words
    "Filtering what": "reproduced",
    "Filtering items": "direction only",
    "Earlier learned": "not reproduced",
    "WCSS with": "reproduced",
    "Sampling speeds": "reproduced",
}


@pytest.fixture(scope="module")
def ran():
    return contract.run(learned_window)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, learned_window, learned_window.CLAIMS, name="lwcss")


@pytest.mark.parametrize("begins", VERDICTS)
def test_the_verdicts_are_those_that_we_stand_for(begins, ran):
    finding = ran.finding(begins)
    assert finding.verdict == VERDICTS[begins], finding


def test_the_sheets_stand_in_their_order(ran):
    assert [sheet.title for sheet in ran.study.sheets] == ["Filters", "Under drift", "Counting a sample"]


def test_a_capture_that_is_not_there_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InvalidInput, match=r"none\.csv cannot be read"):
        learned_window.run(quick=True, data=tmp_path / "none.csv")
