import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import Log
from beforehand.workloads import jobs


@pytest.mark.parametrize(
    ("generate", "shares", "tokens", "mean", "scv"),
    [
        (jobs.code, jobs.CODE_SHARES, jobs.CODE_TOKENS, 27.9, 4.6),
        (jobs.conversations, jobs.CHAT_SHARES, jobs.CHAT_TOKENS, 211.0, 0.6),
    ],
)
def test_generated_lengths_are_those_of_the_public_logs(generate, shares, tokens, mean, scv):
    made = generate(200_000, seed=2)["tokens"]
    for share, wanted in zip(shares[1:-2], tokens[1:-2], strict=True):
        assert abs(np.quantile(made, share) / wanted - 1) < 0.1
    assert abs(made.mean() / mean - 1) < 0.03
    assert abs(made.var() / made.mean() ** 2 / scv - 1) < 0.15
    assert (made.min(), made.max()) == (tokens[0], pytest.approx(tokens[-1], rel=0.05))


@pytest.mark.parametrize("generate", [jobs.code, jobs.conversations])
def test_arrivals_are_poisson_at_the_load_asked_for(generate):
    log = Log.read(generate(100_000, seed=1, load=0.7))
    assert abs(log.rate * log.mean / 0.7 - 1) < 0.03
    gaps = np.diff(log.arrival)
    assert abs(gaps.std() / gaps.mean() - 1) < 0.03


def test_predictions_err_by_the_factors_that_are_told_and_by_each_its_own():
    trace = jobs.code(100_000, seed=3)
    errors = [np.log(trace[name] / trace["size"]) for name in ("cheap", "expensive")]
    assert [round(error.std(), 2) for error in errors] == [jobs.CHEAP, jobs.EXPENSIVE]
    assert max(abs(error.mean()) for error in errors) < 0.02
    assert abs(np.corrcoef(*errors)[0, 1]) < 0.02


def test_the_same_seed_gives_the_same_jobs_which_say_that_they_are_generated():
    one, again, other = (jobs.code(50, seed=seed) for seed in (4, 4, 5))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert "quantiles" in one.meta["generated"]
    np.testing.assert_allclose(one["size"], one["tokens"] * jobs.SECONDS_PER_TOKEN)


@pytest.mark.parametrize(("count", "load"), [(0, 0.5), (1, 0.0), (1, -1.0), (1, float("inf")), (1, float("nan"))])
def test_no_jobs_or_no_load_is_refused(count, load):
    with pytest.raises(InvalidInput, match=f"count is {count} and load {load}"):
        jobs.code(count, seed=0, load=load)


@pytest.mark.parametrize("sigma", [-0.1, 10.1, float("nan")])
def test_a_spread_out_of_range_is_refused(sigma):
    with pytest.raises(InvalidInput, match="sigma is"):
        jobs.predicted(np.ones(3), sigma, seed=0)
