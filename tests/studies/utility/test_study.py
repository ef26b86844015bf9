import pytest

from beforehand.studies.utility import study as utility
from tests.studies import contract

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
def ran():
    return contract.run(utility)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, utility, utility.CLAIMS, name="utility")


@pytest.mark.parametrize("begins", VERDICTS)
def test_the_verdicts_are_those_that_we_stand_for(begins, ran):
    finding = ran.finding(begins)
    assert finding.verdict == VERDICTS[begins], finding
