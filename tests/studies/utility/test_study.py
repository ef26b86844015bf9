import pytest

from beforehand.studies.claims import Study
from beforehand.studies.utility import study as utility

VERDICTS = {  # at the scale of a test, where no language model is trained
    "The overhead": "reproduced",
    "What an all-reduce": "reproduced",
    "TopK-Chunked is": "direction only",
    "A baseline of 16": "not run",
    "Higher throughput": "not run",
    "Saturating sums": "reproduced",
    "A partial rotation": "reproduced",
    "At 5 bits": "not run",
}


@pytest.fixture(scope="module")
def begun_and_study():
    begun = []
    return begun, utility.run(quick=True, begin=begun.append)


def test_every_claim_gets_a_verdict_and_a_figure(begun_and_study):
    begun, study = begun_and_study
    assert len(begun) == utility.steps(quick=True)
    assert [finding.says for finding in study.findings] == [claim.says for claim in utility.CLAIMS]
    assert all(finding.figure and finding.scale and finding.requires for finding in study.findings)
    assert study.command == "beforehand reproduce utility --quick"
    assert Study.from_json(study.to_json()).summary == study.summary


@pytest.mark.parametrize("begins", VERDICTS)
def test_the_verdicts_are_those_that_we_stand_for(begins, begun_and_study):
    finding = next(finding for finding in begun_and_study[1].findings if finding.says.startswith(begins))
    assert finding.verdict == VERDICTS[begins], finding


def test_every_row_of_a_sheet_has_a_cell_for_each_column(begun_and_study):
    for sheet in begun_and_study[1].sheets:
        assert sheet.rows, sheet.title
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}, sheet.title
