import numpy as np
import pytest

from beforehand.studies.utility import adaptations
from beforehand.studies.utility.adaptations import Saturated


@pytest.fixture(scope="module")
def turned():
    random = np.random.default_rng(0)
    return adaptations.turned({"made up, step 0": random.standard_normal((4, 2**14)).astype(np.float32)})


def test_every_choice_of_levels_is_tried_on_every_gradient(turned):
    assert len(turned) == (len(adaptations.SAMPLES) + 1) * len(adaptations.choices(20))
    shown = adaptations.turned_sheet(turned)
    assert {len(row) for row in shown.rows} == {len(shown.columns)}
    assert shown.rows[0] == ["normal", *(cell for cell in shown.rows[0][1:] if "[" not in cell)]  # noise shows nothing


def test_what_a_partial_rotation_spoils_is_stopped_and_the_rest_errs_as_the_whole(turned):
    found = adaptations.partial_rotation(turned)
    assert found.holds
    for name in ("columns, rows of 1024", "columns, rows of 256"):
        assert name in found.figure
    full = {each.data: each.error for each in turned if each.levels == "full"}
    for each in turned:
        if each.passes:
            assert each.error < 1.5 * full[each.data]


def test_a_guard_that_lets_through_what_is_spoiled_is_noticed(turned):
    open_guard = [each._replace(passes=True) for each in turned]
    assert not adaptations.partial_rotation(open_guard).holds


def test_groups_are_the_same_whatever_the_power():
    for power in (17, 20):
        levels = adaptations.choices(power)
        assert levels["full"] == ((0, power),)
        assert levels["all but 10 strides"] == ((10, power),)
        assert levels["all but 7 in the middle"] == ((0, 6), (13, power))


def test_saturating_sums_settle_and_beat_filled_lanes_where_workers_hardly_agree():
    found = adaptations.saturated(quick=True)
    assert {(each.workers, each.bits) for each in found} == {(n, bits) for n in (4, 16) for bits in (4, 6, 8)}
    assert adaptations.saturation(found).holds
    shown = adaptations.saturated_sheet(found)
    assert {len(row) for row in shown.rows} == {len(shown.columns)}


def test_the_verdict_on_saturation_wants_the_known_errors():
    known = [
        Saturated(n, 0.0, bits, error, 0.01, 10 * n * error if bits == 8 else None)
        for (n, bits), error in adaptations.KNOWN.items()
    ]
    assert adaptations.saturation(known).holds
    assert not adaptations.saturation([known[0]._replace(error=0.1), *known[1:]]).holds
    worse = [each._replace(filled=each.filled and 0.5 * each.error) for each in known]
    assert not adaptations.saturation(worse).direction
