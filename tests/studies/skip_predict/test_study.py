import pytest

from beforehand.cli.app import run as command
from beforehand.core.errors import InvalidInput
from beforehand.studies.claims import Study
from beforehand.studies.skip_predict import study as skip_predict

DIRECTION_ONLY = ("SkipPredict also pays on real traces", "C = .8 does better")  # what cannot be checked here in full


@pytest.fixture(scope="module")
def begun_and_study():
    begun = []
    return begun, skip_predict.run(quick=True, begin=begun.append)


def test_every_claim_gets_a_verdict_and_a_figure(begun_and_study):
    begun, study = begun_and_study
    assert len(begun) == skip_predict.steps(quick=True)
    assert [finding.says for finding in study.findings] == [claim.says for claim in skip_predict.CLAIMS]
    assert all(finding.figure and finding.scale and finding.requires for finding in study.findings)
    assert study.command == "beforehand reproduce skippredict --quick"
    assert Study.from_json(study.to_json()).summary == study.summary


@pytest.mark.parametrize("claim", skip_predict.CLAIMS, ids=lambda claim: claim.says[:30])
def test_all_that_can_be_checked_here_is_reproduced(claim, begun_and_study):
    finding = next(finding for finding in begun_and_study[1].findings if finding.says == claim.says)
    assert finding.verdict == ("direction only" if claim.says.startswith(DIRECTION_ONLY) else "reproduced"), finding


def test_the_sheets_stand_in_the_order_of_the_claims_and_errata_come_last(begun_and_study):
    assert [sheet.title for sheet in begun_and_study[1].sheets] == [
        "The survey's Table 1, by formula",
        "One bit of advice at its best threshold",
        "Cost over load",
        "Cost over threshold",
        "Who wins on requests of LLM services",
        "Limited preemption: TRAIL's C",
        "Errata",
    ]


def test_every_row_of_a_sheet_has_a_cell_for_each_column(begun_and_study):
    for sheet in begun_and_study[1].sheets:
        assert sheet.rows, sheet.title
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}, sheet.title


def test_data_that_are_not_there_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(InvalidInput, match="no Azure LLM inference trace is there"):
        skip_predict.run(quick=True, data=tmp_path)


def test_the_command_refuses_data_that_are_not_there(tmp_path, capsys):
    assert command(["reproduce", "skippredict", "--quick", "--data", str(tmp_path / "none.csv")]) == 2
    assert "no Azure LLM inference trace is there" in capsys.readouterr().err
