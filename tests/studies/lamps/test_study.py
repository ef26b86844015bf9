import pytest

from beforehand.core.errors import InvalidInput
from beforehand.studies.lamps import study as lamps
from tests.studies import contract


@pytest.fixture(scope="module")
def ran():
    return contract.run(lamps)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, lamps, lamps.CLAIMS, name="lamps")


@pytest.mark.parametrize(
    "words", ["Predicting how to handle", "It is robust", "Handling by least waste", "The scheduler needs"]
)
def test_what_holds_at_any_scale_holds_at_that_of_a_test(ran, words):
    assert ran.finding(words).verdict == "reproduced", ran.finding(words)


def test_latency_is_below_that_of_infercept_where_a_queue_is(ran):
    assert ran.finding("End-to-end latency").verdict != "not reproduced"


def test_every_table_says_that_it_is_simulated_or_what_it_counts(ran):
    for sheet in ran.study.sheets:
        assert sheet.below, sheet.title


def test_at_half_load_no_way_of_serving_differs(ran):
    light = [row for row in ran.study.sheets[0].rows if row[1] in ("2.25", "6")]
    assert light
    for row in light:
        assert float(row[6].split()[0]) == pytest.approx(1.0, abs=0.01), row


def test_data_that_are_not_there_are_refused_before_anything_runs(tmp_path):
    begun = []
    with pytest.raises(InvalidInput, match="holds no conversations"):
        lamps.run(quick=True, begin=begun.append, data=tmp_path / "none.jsonl")
    assert not begun
