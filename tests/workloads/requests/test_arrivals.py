import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.requests.arrivals import (
    AZURE_CODE_BURSTS,
    AZURE_CONV_BURSTS,
    Gamma,
    OnOff,
    Poisson,
    Replay,
    arrival_times,
)

EVERY = [Poisson(), Gamma(0.1), Gamma(1.0), Gamma(8.0), OnOff(0.2, 50), OnOff(0.5, 20, quiet=0.3)]


@pytest.mark.parametrize("process", EVERY, ids=str)
def test_times_ascend_at_the_rate_asked_for_and_the_first_do_not_depend_on_how_many(process):
    times = arrival_times(200_000, 4.0, process, 1)
    assert times[0] >= 0
    assert (np.diff(times) >= 0).all()
    assert abs(200_000 / times[-1] / 4.0 - 1) < 0.03
    for n in (1, 2, 257, 5000):
        np.testing.assert_array_equal(arrival_times(n, 4.0, process, 1), times[:n])
    assert not np.array_equal(arrival_times(50, 4.0, process, 2), times[:50])


@pytest.mark.parametrize("scv", [1 / 64, 0.5, 1.0, 3.0])
def test_gamma_gaps_vary_as_they_are_told_to(scv):
    gaps = np.diff(Gamma(scv).times(400_000, seed=0))
    assert abs(gaps.var() / gaps.mean() ** 2 / scv - 1) < 0.05


@pytest.mark.parametrize("process", [AZURE_CODE_BURSTS, OnOff(0.5, 50, quiet=0.5)], ids=str)
@pytest.mark.parametrize("window", [3, 30])
def test_bursts_disperse_as_the_formula_says(process, window):
    times = process.times(1_500_000, seed=4)
    counts = np.bincount((times // window).astype(int))[:-1]
    assert abs(counts.var() / counts.mean() / process.dispersion(window) - 1) < 0.06


def test_the_bursts_of_azure_disperse_as_its_log_does():
    measured = {AZURE_CODE_BURSTS: (2.567, 13.2, 71.6, 164.0), AZURE_CONV_BURSTS: (5.53, 1.39, 3.86, 16.1)}
    for process, (rate, *indices) in measured.items():
        found = [process.dispersion(rate * seconds) for seconds in (1, 10, 60)]
        np.testing.assert_allclose(found, indices, rtol=0.15)


def test_silence_is_silent():
    gaps = np.diff(OnOff(0.01, 100).times(100_000, seed=0))
    assert gaps.sum() * 0.9 < gaps[gaps > 5].sum()


def test_a_replay_keeps_the_pattern_at_another_rate():
    recorded = [10.0, 11.0, 11.0, 15.0, 16.0]
    np.testing.assert_allclose(arrival_times(5, 2.0, Replay(recorded), 0), np.array([0, 1, 1, 5, 6]) / 3)
    np.testing.assert_allclose(arrival_times(4, 1.0, Replay(recorded), 9), np.array([0, 1, 1, 5]) * 0.6)
    assert arrival_times(1, 1.0, Replay(recorded), 0) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Gamma(0.0), "scv is 0.0"),
        (lambda: Gamma(float("nan")), "scv is nan"),
        (lambda: Gamma("2"), "scv is '2', but must be a number"),
        (lambda: OnOff(None, 5), "share is None, but must be a number"),
        (lambda: Replay(["a", "b"]), "no array of numbers"),
        (lambda: OnOff(0.0, 5), "share is 0.0"),
        (lambda: OnOff(1.0, 5), "share is 1.0"),
        (lambda: OnOff(0.5, 0.5), "requests 0.5"),
        (lambda: OnOff(0.5, float("nan")), "requests nan"),
        (lambda: OnOff(0.5, 5, quiet=1.1), "quiet 1.1"),
        (lambda: Replay([1.0]), "two or more"),
        (lambda: Replay([2.0, 1.0]), "ascending"),
        (lambda: Replay([1.0, float("nan")]), "finite"),
        (lambda: Replay([3.0, 3.0]), "all 2 arrivals are at 3"),
        (lambda: Replay([3.0, 4.0]).times(3, seed=0), "n is 3"),
        (lambda: Replay([3.0, 3.0, 4.0]).times(2, seed=0), "come at once"),
        (lambda: arrival_times(3, 0.0, "poisson", 0), "rate is 0.0"),
        (lambda: arrival_times(3, float("nan"), "poisson", 0), "rate is nan"),
        (lambda: arrival_times(3, 1e-320, "poisson", 0), "too late"),
        (lambda: arrival_times(3, 1.0, "posson", 0), "arrivals is 'posson'"),
        (lambda: arrival_times(3, 1.0, None, 0), "arrivals is None"),
    ],
)
def test_what_is_out_of_range_is_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()
