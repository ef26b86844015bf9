import pytest

from beforehand.studies.claims import Study
from beforehand.studies.lss import study as lss


@pytest.fixture(scope="module")
def begun_and_study():
    begun = []
    return begun, lss.run(quick=True, begin=begun.append)


def test_every_claim_gets_a_verdict_and_a_figure(begun_and_study):
    begun, study = begun_and_study
    assert len(begun) == lss.steps(quick=True)
    assert [finding.says for finding in study.findings] == [claim.says for claim in lss.CLAIMS]
    assert all(finding.figure and finding.scale and finding.requires for finding in study.findings)
    assert study.command == "beforehand reproduce lss --quick"
    assert Study.from_json(study.to_json()).summary == study.summary
    assert "reconstructions" in study.paper


@pytest.mark.parametrize(
    "says", ["Keys that come rarely", "LSS improves", "It is robust", "Precision and recall", "Exact counters"]
)
def test_what_does_not_depend_on_the_time_is_reproduced(says, begun_and_study):
    finding = next(finding for finding in begun_and_study[1].findings if finding.says.startswith(says))
    assert finding.verdict == "reproduced", finding


def test_no_bound_is_violated(begun_and_study):
    robust = next(finding for finding in begun_and_study[1].findings if finding.says.startswith("It is robust"))
    assert robust.figure.startswith("0 bounds violated")


def test_lss_plus_asks_less(begun_and_study):
    faster = next(finding for finding in begun_and_study[1].findings if finding.says.startswith("LSS+ is faster"))
    assert float(faster.figure.split(" of the keys")[0].split(" to ")[-1]) < 1


def test_every_row_of_a_sheet_has_a_cell_for_each_column(begun_and_study):
    for sheet in begun_and_study[1].sheets:
        assert sheet.rows, sheet.title
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}, sheet.title
