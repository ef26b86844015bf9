import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.requests import Replay, lengths

EVERY = [lengths.alpaca_like, lengths.azure_conv_like, lengths.azure_code_like, lengths.heavy_tailed]


def made(generate, n=200_000, seed=2, **options):
    return generate(n, rate=7.0, seed=seed, **options)


@pytest.mark.parametrize(
    ("generate", "mean", "scv", "prompt_mean"),
    [
        (lengths.alpaca_like, 264, 0.55, 37.5),
        (lengths.azure_conv_like, 211, 0.60, 1203),
        (lengths.azure_code_like, 29.5, 5.0, 2118),
        (lengths.heavy_tailed, 177, 2.5, 37.5),
    ],
)
def test_lengths_have_the_published_moments(generate, mean, scv, prompt_mean):
    trace = made(generate)
    output = trace["output_tokens"]
    assert abs(output.mean() / mean - 1) < 0.02
    assert abs(output.var() / output.mean() ** 2 / scv - 1) < 0.06
    assert abs(trace["prompt_tokens"].mean() / prompt_mean - 1) < 0.01
    assert abs(np.corrcoef(trace["prompt_tokens"], output)[0, 1]) < 0.01


@pytest.mark.parametrize(
    ("generate", "column", "tokens"),
    [
        (lengths.azure_conv_like, "prompt_tokens", lengths.CONV_PROMPT),
        (lengths.azure_conv_like, "output_tokens", lengths.CONV_OUTPUT),
        (lengths.azure_code_like, "prompt_tokens", lengths.CODE_PROMPT),
        (lengths.azure_code_like, "output_tokens", lengths.CODE_OUTPUT),
    ],
)
def test_lengths_have_the_quantiles_of_the_public_log(generate, column, tokens):
    drawn = made(generate)[column]
    for share, wanted in zip(lengths.AZURE_SHARES[1:-2], tokens[1:-2], strict=True):
        assert abs(np.quantile(drawn, share) / wanted - 1) < 0.05
    assert tokens[0] <= drawn.min()
    assert drawn.max() <= tokens[-1]


def test_a_quarter_of_the_answers_to_instructions_is_cut_at_the_cap():
    trace = made(lengths.alpaca_like)
    assert abs((trace["output_tokens"] == 512).mean() - 0.261) < 0.005
    assert (trace["max_tokens"] == 512).all()
    assert (trace["prompt_tokens"].min(), trace["prompt_tokens"].max()) == (15, 60)


@pytest.mark.parametrize("generate", EVERY)
def test_rows_depend_on_the_seed_but_not_on_how_many_there_are(generate):
    some, more, other = made(generate, 50), made(generate, 500), made(generate, 50, seed=3)
    for name, column in some.columns.items():
        np.testing.assert_array_equal(more[name][:50], column)
    assert some.fingerprint != other.fingerprint
    assert some.kind == "requests"
    assert some["arrival"].dtype == np.float64
    assert some["prompt_tokens"].dtype == some["output_tokens"].dtype == np.int64
    assert some.meta["generated"] == generate.__name__


def test_code_comes_in_bursts_unless_told_otherwise_and_conversations_do_not():
    def dispersion(trace):
        counts = np.bincount((trace["arrival"] // 10).astype(int))
        return counts.var() / counts.mean()

    assert dispersion(lengths.azure_code_like(20_000, seed=0)) > 40
    assert dispersion(lengths.azure_code_like(20_000, seed=0, arrivals="poisson")) < 1.3
    assert dispersion(lengths.azure_conv_like(20_000, seed=0)) < 1.3


def test_recorded_arrivals_can_be_put_under_other_lengths():
    trace = made(lengths.heavy_tailed, 3, arrivals=Replay([0.0, 1.0, 4.0]))
    np.testing.assert_allclose(trace["arrival"] / trace["arrival"][1], [0, 1, 4])


@pytest.mark.parametrize("generate", EVERY)
@pytest.mark.parametrize("n", [0, -1, 2.0, True, 10**9])
def test_no_requests_or_too_many_are_refused(generate, n):
    with pytest.raises(InvalidInput, match="n is"):
        made(generate, n)
