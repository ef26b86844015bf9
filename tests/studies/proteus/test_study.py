import pytest

from beforehand.studies.proteus import study as proteus
from tests.studies import contract


@pytest.fixture(scope="module")
def ran():
    return contract.run(proteus)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, proteus, proteus.CLAIMS, name="proteus")


@pytest.mark.parametrize("says", ["The model predicts", "It is robust", "It follows a workload"])
def test_what_does_not_depend_on_the_time_is_reproduced(says, ran):
    finding = ran.finding(says)
    assert finding.verdict == "reproduced", finding


def test_the_chosen_design_is_about_the_best(ran):
    assert ran.finding("Its designs").verdict in ("reproduced", "direction only")


def test_names_speak_for_surf(ran):
    sheet = next(sheet for sheet in ran.study.sheets if sheet.title == "In the same memory")
    named = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows if row[0].startswith("names")]
    for row in named:
        assert float(row["SuRF"].split()[0]) < float(row["Proteus, extended"].split()[0])
