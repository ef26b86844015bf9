"""The study at its small scale. Verdicts that rest on time are shown, not held: they depend on the machine."""

import pytest

from beforehand.studies.avq import study as avq

TIMED = {
    avq.optimum_in_time,
    avq.near_optimum_in_time,
    avq.faster_than_zipml,
    avq.middle_in_closed_form,
    avq.weights_are_cheap,
}
HELD = [(claim, measure) for claim, measure in avq.CLAIMS if measure not in TIMED]


@pytest.fixture(scope="module")
def begun_and_study():
    begun = []
    return begun, avq.run(quick=True, begin=begun.append)


def test_every_claim_gets_a_verdict_and_a_figure(begun_and_study):
    begun, study = begun_and_study
    assert len(begun) == avq.steps(quick=True)
    assert [finding.says for finding in study.findings] == [claim.says for claim, _ in avq.CLAIMS] + [avq.TABLE.says]
    assert all(finding.figure and finding.scale and finding.requires for finding in study.findings)
    assert study.command == "beforehand reproduce avq --quick"
    assert len(study.sheets) == 2


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
def test_what_does_not_rest_on_time_is_reproduced(measure, begun_and_study):
    says = next(claim.says for claim, found_by in HELD if found_by is measure)
    assert verdicts(begun_and_study[1])[says] == "reproduced"


def test_the_table_is_reproduced(begun_and_study):
    assert verdicts(begun_and_study[1])[avq.TABLE.says] == "reproduced"


def test_400_equal_bins_are_not_enough_for_a_long_tail(begun_and_study):
    found = next(f for f in begun_and_study[1].findings if "equal bins" in f.says)
    assert found.verdict == "direction only"
    assert "LogN(0,1) 1.8564 / 1.0251 / 1.0014, Normal 1.0234 / 1.0008 / 1.0002" in found.figure


def test_the_program_of_zipml_finds_the_same_optimum(begun_and_study):
    found = next(f for f in begun_and_study[1].findings if "ZipML" in f.says and "faster" in f.says)
    assert found.verdict != "not reproduced"
    assert "extrapolated by d^2, not measured" in found.figure


def test_full_scale_takes_every_distribution():
    assert avq.steps(quick=False) == len(avq.CLAIMS) + 9
