import pytest

from beforehand.studies.thc import study as thc
from tests.studies import contract

VERDICTS = {  # at the scale of a test, where no language model is trained
    "The lookup tables": "reproduced",
    "The sum of codes": "reproduced",
    "Rotation makes": "reproduced",
    "On a language model": "direction only",
    "Training reaches": "not run",
    "Inside a programmable": "not run",
    "A mean errs once": "reproduced",
    "Training tolerates": "reproduced",
    "Adaptive levels": "reproduced",
    "More than 8 workers": "reproduced",
    "It scales": "reproduced",
}


@pytest.fixture(scope="module")
def ran():
    return contract.run(thc)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, thc, thc.CLAIMS, name="thc")


@pytest.mark.parametrize("begins", VERDICTS)
def test_the_verdicts_are_those_that_we_stand_for(begins, ran):
    finding = ran.finding(begins)
    assert finding.verdict == VERDICTS[begins], finding
