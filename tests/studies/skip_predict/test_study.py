import pytest

from beforehand.cli.app import run as command
from beforehand.core.errors import InvalidInput
from beforehand.studies.skip_predict import study as skip_predict
from tests.studies import contract

DIRECTION_ONLY = ("SkipPredict also pays on real traces", "C = .8 does better")  # what cannot be checked here in full


@pytest.fixture(scope="module")
def ran():
    return contract.run(skip_predict)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, skip_predict, skip_predict.CLAIMS, name="skippredict")


@pytest.mark.parametrize("claim", skip_predict.CLAIMS, ids=lambda claim: claim.says[:30])
def test_all_that_can_be_checked_here_is_reproduced(claim, ran):
    finding = next(finding for finding in ran.study.findings if finding.says == claim.says)
    assert finding.verdict == ("direction only" if claim.says.startswith(DIRECTION_ONLY) else "reproduced"), finding


def test_the_sheets_stand_in_the_order_of_the_claims_and_errata_come_last(ran):
    assert [sheet.title for sheet in ran.study.sheets] == [
        "The survey's Table 1, by formula",
        "One bit of advice at its best threshold",
        "Cost over load",
        "Cost over threshold",
        "Who wins on requests of LLM services",
        "Limited preemption: TRAIL's C",
        "Errata",
    ]


def test_data_that_are_not_there_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(InvalidInput, match="no Azure LLM inference trace is there"):
        skip_predict.run(quick=True, data=tmp_path)


def test_the_command_refuses_data_that_are_not_there(tmp_path, capsys):
    assert command(["reproduce", "skippredict", "--quick", "--data", str(tmp_path / "none.csv")]) == 2
    assert "no Azure LLM inference trace is there" in capsys.readouterr().err
