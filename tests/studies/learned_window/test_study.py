import pytest

from beforehand.core.errors import InvalidInput
from beforehand.studies.claims import Study
from beforehand.studies.learned_window import study as learned_window

VERDICTS = {  # what we expect, and why in the study's own words
    "Filtering what": "reproduced",
    "Filtering items": "direction only",
    "Earlier learned": "not reproduced",
    "WCSS with": "reproduced",
    "Sampling speeds": "reproduced",
}


@pytest.fixture(scope="module")
def begun_and_study():
    begun = []
    return begun, learned_window.run(quick=True, begin=begun.append)


def test_every_claim_gets_a_verdict_and_a_figure(begun_and_study):
    begun, study = begun_and_study
    assert len(begun) == learned_window.steps(quick=True)
    assert [finding.says for finding in study.findings] == [claim.says for claim in learned_window.CLAIMS]
    assert all(finding.figure and finding.scale and finding.requires for finding in study.findings)
    assert study.command == "beforehand reproduce lwcss --quick"
    assert Study.from_json(study.to_json()).summary == study.summary


@pytest.mark.parametrize("begins", VERDICTS)
def test_the_verdicts_are_those_that_we_stand_for(begins, begun_and_study):
    finding = next(finding for finding in begun_and_study[1].findings if finding.says.startswith(begins))
    assert finding.verdict == VERDICTS[begins], finding


def test_every_row_of_a_sheet_has_a_cell_for_each_column(begun_and_study):
    sheets = begun_and_study[1].sheets
    assert [sheet.title for sheet in sheets] == ["Filters", "Under drift", "Counting a sample"]
    for sheet in sheets:
        assert sheet.rows, sheet.title
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}, sheet.title


def test_a_capture_that_is_not_there_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InvalidInput, match=r"none\.csv cannot be read"):
        learned_window.run(quick=True, data=tmp_path / "none.csv")
