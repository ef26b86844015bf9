import numpy as np
import pytest

from beforehand.gradients import THC, simulate, vnmse
from beforehand.studies.claims import NotRun
from beforehand.studies.thc import errors
from beforehand.workloads.gradient_samples import gradients

NORMAL = gradients("normal", size=2**13, correlation=0.5, seed=1)["gradient"]


def test_rounding_without_rotation_is_unbiased_and_stays_in_range():
    means = np.mean([errors.without_rotation(NORMAL, seed=seed) for seed in range(60)], axis=0)
    step = (NORMAL.max() - NORMAL.min()) / 15
    assert abs(means - NORMAL.mean(axis=0)).max() < 5 * step / 2 / np.sqrt(60 * 4)
    one = errors.without_rotation(NORMAL[:1])
    levels = (one - NORMAL[0].min()) / ((NORMAL[0].max() - NORMAL[0].min()) / 15)
    assert levels == pytest.approx(np.round(levels), abs=1e-4)
    assert (levels.min() >= -1e-4, levels.max() <= 15 + 1e-4) == (True, True)


def test_rotation_gains_a_hundred_times_where_values_are_far_apart():
    found = errors.rotations({"made up, step 0": NORMAL})
    by_name = {each.data: each for each in found}
    assert by_name["columns"].bare > 100 * by_name["columns"].uniform
    assert by_name["made up, step 0"].bare < 20 * by_name["made up, step 0"].uniform  # noise hides it
    judged = errors.rotation_is_needed(found)
    assert not judged.holds  # what we made up is noise
    assert "made up, step 0" in judged.figure
    assert len(errors.rotations_sheet(found).rows) == len(errors.STRUCTURED) + 1
    foretold = errors.small_on_real(found)
    assert (foretold.holds, foretold.direction) == (True, True)
    assert "made up, step 0" in foretold.figure


GOOD = errors.Turned("characters, step 0", 2.0, 0.009, 0.014, 0.010, 0.0141, 0.5)


def test_rotation_is_judged_on_real_gradients():
    sample = errors.Turned("layers", 0.3, 0.02, 0.02, 0.018)
    assert errors.rotation_is_needed([sample, GOOD]).holds
    assert not errors.rotation_is_needed([sample]).holds
    assert not errors.rotation_is_needed([sample, GOOD._replace(bare=0.8)]).holds


def test_small_errors_are_judged_on_the_language_model_and_beside_what_is_foretold():
    assert errors.small_on_real([GOOD]).holds
    for worse in (GOOD._replace(best=0.012), GOOD._replace(published=0.016, foretold=0.016)):
        found = errors.small_on_real([worse])
        assert (found.holds, found.direction) == (False, True)
    assert not errors.small_on_real([GOOD._replace(foretold=0.012)]).direction
    assert errors.small_on_real([GOOD, GOOD._replace(data="digits, step 0", best=0.02)]).holds
    assert errors.small_on_real([errors.Turned("layers", 0.3, 0.02, 0.02, 0.018)]) == NotRun(
        "needs torch or scikit-learn for a real training"
    )


def test_the_best_table_is_at_most_as_bad_as_any():
    assert errors.best_thc(NORMAL) <= simulate(THC(truncation=1 / 32), NORMAL, rounds=3).vnmse


def test_blocks_err_twice_and_thc_once():
    found = errors.both_ways({})
    judged = errors.two_errors(found)
    assert judged.holds
    thc = next(each for each in found if each.codec.startswith("THC"))
    assert thc.both == pytest.approx(simulate(THC(truncation=1 / 64), _normal()).vnmse, rel=1e-6)
    blocks = next(each for each in found if each.codec == "int4, blocks of 256")
    assert blocks.both == pytest.approx(simulate(_int4(), _normal()).vnmse, rel=1e-6)
    assert not errors.two_errors([each._replace(both=each.up) for each in found]).holds


def _normal():
    return gradients("normal", correlation=0.5, seed=1)["gradient"]


def _int4():
    from beforehand.gradients import BlockInt

    return BlockInt(bits=4)


def test_samples_are_those_of_the_structures():
    assert set(errors.samples()) == {"layers", "columns", "hot layer", "hot row", "sparse"}
    assert vnmse(errors.samples()["layers"], gradients("layers", correlation=0.0, seed=1)["gradient"]) == 0
