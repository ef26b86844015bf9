import pytest

from beforehand.studies.lss import study as lss
from tests.studies import contract


@pytest.fixture(scope="module")
def ran():
    return contract.run(lss)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, lss, lss.CLAIMS, name="lss")


@pytest.mark.parametrize(
    "says", ["Keys that come rarely", "LSS improves", "It is robust", "Precision and recall", "Exact counters"]
)
def test_what_does_not_depend_on_the_time_is_reproduced(says, ran):
    finding = ran.finding(says)
    assert finding.verdict == "reproduced", finding


def test_it_says_that_rivals_are_reconstructions(ran):
    assert "reconstructions" in ran.study.paper


def test_no_bound_is_violated(ran):
    assert ran.finding("It is robust").figure.startswith("0 bounds violated")


def test_lss_plus_asks_less(ran):
    assert float(ran.finding("LSS+ is faster").figure.split(" of the keys")[0].split(" to ")[-1]) < 1
