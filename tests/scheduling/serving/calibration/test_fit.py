import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_profile import PROFILES
from beforehand.scheduling.serving import fit_profile
from beforehand.scheduling.serving.calibration.fit import fit_steps, grid_points

LLAMA = PROFILES["llama3-8b-a100-80g"]
ABOUT = {"name": "mine", "kv_bytes_per_token": 131_072, "kv_tokens": 400_000}


def steps(count=4000, seed=0, noise=0.0, profile=LLAMA):
    """Rows as an engine with this profile would give them: decoding mostly, and a prefill in one of three."""
    random = np.random.default_rng(seed)
    decoding = random.integers(1, 257, count)
    chunk = np.where(random.random(count) < 0.35, random.integers(1, 2049, count), 0)
    new = np.minimum(decoding + chunk, 2048)
    context = decoding * random.integers(50, 3000, count)
    pairs = (new - np.minimum(decoding, new)) * random.integers(1, 4000, count)
    seconds = profile.step_seconds(new, context, pairs) * np.exp(noise * random.standard_normal(count))
    return new, context, pairs, seconds


def test_an_engine_whose_steps_follow_a_profile_gets_that_profile_back():
    found = fit_profile(*steps(), **ABOUT)
    for n in (8, 16, 64, 200, 256, 500, 1024, 2048):
        assert abs(found.step_seconds(n) / LLAMA.step_seconds(n) - 1) < 0.02
    assert abs(found.seconds_per_context_token / LLAMA.seconds_per_context_token - 1) < 0.01
    assert abs(found.seconds_per_prefill_pair / LLAMA.seconds_per_prefill_pair - 1) < 0.05
    assert found.saturation == LLAMA.saturation
    assert found.error_p50 < 0.002


def test_noise_shows_in_the_errors_and_hardly_in_the_profile():
    found = fit_profile(*steps(20_000, noise=0.1), **ABOUT)
    assert abs(found.error_p50 / 0.0675 - 1) < 0.1  # the median of |N(0, 0.1)|
    assert abs(found.error_p95 / 0.196 - 1) < 0.1
    for n in (16, 256, 1024):
        assert abs(found.step_seconds(n) / LLAMA.step_seconds(n) - 1) < 0.03


def test_disturbed_steps_do_not_move_the_fit():
    new, context, pairs, seconds = steps(noise=0.01)
    seconds = np.where(np.random.default_rng(1).random(len(seconds)) < 0.05, 20 * seconds, seconds)
    found = fit_profile(new, context, pairs, seconds, **ABOUT)
    for n in (16, 256, 1024):
        assert abs(found.step_seconds(n) / LLAMA.step_seconds(n) - 1) < 0.02


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_more_work_never_takes_less_time(seed):
    random = np.random.default_rng(seed)
    rows = random.integers(1, 3000, (60, 3)).astype(float)
    found = fit_steps(rows, random.random(60) + 0.01)
    assert (np.diff(found.seconds) >= 0).all()
    assert min(found.per_context_token, found.per_prefill_pair) >= 0


def test_prefills_that_vary_are_no_outliers_among_decoding_that_does_not():
    random = np.random.default_rng(0)
    new = np.where(np.arange(1000) % 10 == 0, random.integers(300, 2048, 1000), random.integers(1, 65, 1000))
    seconds = LLAMA.step_seconds(new) * np.exp(np.where(new > 200, 0.2, 0.0001) * random.standard_normal(1000))
    found = fit_profile(new, 0 * new, 0 * new, seconds, **ABOUT)
    assert abs(found.step_seconds(1500) / LLAMA.step_seconds(1500) - 1) < 0.1


def test_the_grid_has_a_measured_row_in_every_stretch():
    np.testing.assert_array_equal(grid_points(np.array([1.0, 3, 4, 300, 2048])), [1, 4, 384, 2048])
    np.testing.assert_array_equal(grid_points(np.array([33.0, 40, 47])), [33, 47])
    np.testing.assert_array_equal(grid_points(np.array([5.0, 5.0])), [5])


def test_the_saturation_can_be_given_and_other_fields_too():
    found = fit_profile(*steps(), **ABOUT, saturation=512, block_size=32, swap_latency=1e-3)
    assert (found.saturation, found.block_size, found.swap_latency) == (512, 32, 1e-3)
    assert found.source == "measured steps"


def test_the_last_fifth_is_not_fitted_before_it_is_predicted():
    new, context, pairs, seconds = steps(1000)
    slower = np.where(np.arange(1000) >= 800, 2 * seconds, seconds)
    assert abs(fit_profile(new, context, pairs, slower, **ABOUT).error_p50 - 0.5) < 0.02


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [row[:49] for row in rows], "there are 49 steps"),
        (lambda rows: [rows[0] % 7 + 1, *rows[1:]], "with 7 different numbers"),
        (lambda rows: [rows[0][:-1], *rows[1:]], "shapes are new_tokens"),
        (lambda rows: [row[:, None] for row in rows], "shapes are"),
        (lambda rows: [0 * rows[0], *rows[1:]], "new_tokens is 0 in step 0"),
        (lambda rows: [rows[0], -1 - rows[1], *rows[2:]], "context_tokens is -.* in step 0"),
        (lambda rows: [*rows[:2], rows[2] * np.nan, rows[3]], "prefill_pairs is nan in step 0"),
        (lambda rows: [*rows[:3], 0 * rows[3]], "seconds is 0 in step 0"),
        (lambda rows: [*rows[:3], np.inf * rows[3]], "seconds is inf in step 0"),
    ],
)
def test_what_no_engine_measures_is_refused(change, words):
    with pytest.raises(InvalidInput, match=words):
        fit_profile(*change(list(steps(200))), **ABOUT)
