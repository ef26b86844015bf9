import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.streams import CharNgrams
from tests.streams.predictors import ngrams_row, ridge_by_definition


def names(n, seed=0):
    """Made of syllables, some of which are heavy; with all features that there are."""
    random = np.random.default_rng(seed)
    syllables = ["get", "Set", "_tmp", "ID", "é", "", "x_", "VALUE", "loop"]
    drawn = random.integers(0, len(syllables), (n, 4))
    words = ["".join(syllables[each] for each in row) + chr(97 + i % 26) for i, row in enumerate(drawn)]
    counts = np.exp2((drawn < 3).sum(1) * 2 + random.normal(0, 0.3, n)).astype(np.int64) + 1
    found = dict(zip(words, counts, strict=True))
    return list(found), np.array(list(found.values()))


@pytest.mark.parametrize("n", [(1, 4), (2, 2), (7, 8)])
@pytest.mark.parametrize("weight", ["sqrt", "none"])
def test_it_solves_the_ridge_regression_on_ngrams(n, weight):
    words, counts = names(300)
    words += ["ABC", "_", "A1", "a" * 300]
    counts = np.concatenate([counts, [1, 2, 4, 2]])
    ngrams = CharNgrams(buckets=32, n=n).fit(words, counts, weight=weight)
    rows = np.array([ngrams_row(word, 32, n) for word in words])
    weights = np.clip(np.sqrt(counts), 1, 30) if weight == "sqrt" else np.ones(counts.size)
    bias, solution = ridge_by_definition(rows, np.log2(counts), weights, 1)
    assert ngrams.predict(words) == pytest.approx(bias + rows @ solution, abs=0.03)  # weights are in half precision


def test_it_knows_the_syllables_of_strings_that_it_never_saw():
    seen, held_out = names(2000), names(500, seed=1)
    ngrams = CharNgrams().fit(*seen)
    fresh = [word not in set(seen[0]) for word in held_out[0]]
    found, true = ngrams.predict(held_out[0])[fresh], np.log2(held_out[1])[fresh]
    assert np.corrcoef(found, true)[0, 1] > 0.9


def test_letters_count_in_lower_case_but_for_their_style():
    ngrams = CharNgrams(buckets=64).fit(["ab", "cd"], [9, 3])
    assert ngrams.predict("Ab") == ngrams.predict("aB") == ngrams.predict("ab")


def test_strings_of_any_length_are_predicted():
    ngrams = CharNgrams(buckets=64).fit(["ab", "cd", "x" * 1000], [9, 3, 1])
    found = ngrams.predict(["", "x" * 100_000, "\0", "\0\0", "é", "\U0001f600"])
    assert np.isfinite(found).all()
    assert ngrams.predict(["", b"".decode()]).tolist() == [found[0]] * 2


def test_a_bucket_takes_2_bytes():
    assert len(CharNgrams(buckets=1024).fit(["a"]).to_bytes()) == 80 + 16 + 16 + 32 + 2048


@pytest.mark.parametrize("n", [(0, 4), (4, 3), (1, 9), (1, 2, 3), (1.0, 2), 3, (True, 2)])
def test_ngrams_have_1_to_8_bytes(n):
    with pytest.raises(InvalidInput, match="must be the shortest and the longest n-gram, from 1 to 8"):
        CharNgrams(n=n)


@pytest.mark.parametrize("buckets", [0, 65_537, "many"])
def test_buckets_have_limits(buckets):
    with pytest.raises(InvalidInput, match="must be a whole number from 1 to 65536"):
        CharNgrams(buckets=buckets)
