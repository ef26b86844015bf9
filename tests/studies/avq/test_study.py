"""The study at its small scale. Verdicts that rest on time are shown, not held: they depend on the machine."""

import pytest

from beforehand.studies.avq import study as avq
from tests.studies import contract

TIMED = {
    avq.optimum_in_time,
    avq.near_optimum_in_time,
    avq.faster_than_zipml,
    avq.middle_in_closed_form,
    avq.weights_are_cheap,
}
HELD = [(claim, measure) for claim, measure in avq.CLAIMS if measure not in TIMED]


@pytest.fixture(scope="module")
def ran():
    return contract.run(avq)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, avq, [*(claim for claim, _ in avq.CLAIMS), avq.TABLE], name="avq")


def verdicts(study):
    return {finding.says: finding.verdict for finding in study.findings}


@pytest.mark.parametrize(
    "measure",
    [
        avq.lemma_holds,
        avq.adaptive_levels_win,
        avq.unbiased_wins_with_many_senders,
        avq.lloyd_max_comes_out,
    ],
)
def test_what_does_not_rest_on_time_is_reproduced(measure, ran):
    says = next(claim.says for claim, found_by in HELD if found_by is measure)
    assert verdicts(ran.study)[says] == "reproduced"


def test_the_table_is_reproduced(ran):
    assert verdicts(ran.study)[avq.TABLE.says] == "reproduced"


def test_400_equal_bins_are_not_enough_for_a_long_tail(ran):
    found = next(f for f in ran.study.findings if "equal bins" in f.says)
    assert found.verdict == "direction only"
    assert "LogN(0,1) 1.8564 / 1.0251 / 1.0014, Normal 1.0234 / 1.0008 / 1.0002" in found.figure


def test_the_program_of_zipml_finds_the_same_optimum(ran):
    found = next(f for f in ran.study.findings if "ZipML" in f.says and "faster" in f.says)
    assert found.verdict != "not reproduced"
    assert "extrapolated by d^2, not measured" in found.figure


def test_full_scale_takes_every_distribution():
    assert avq.steps(quick=False) == len(avq.CLAIMS) + 9
