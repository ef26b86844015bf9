import numpy as np
import pytest

from beforehand.quantization.distinct_sample import PIECE, SIZE, DistinctSample


def sample(values):
    made = DistinctSample()
    made.update(np.asarray(values))
    return made


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.int64])
def test_no_parting_changes_a_bit(dtype):
    random = np.random.default_rng(0)
    x = (random.standard_normal(2 * PIECE + 17) * 1000).astype(dtype)
    whole = sample(x)
    for parts in (2, 9, 100):
        merged = DistinctSample()
        for part in np.array_split(random.permutation(x), parts):
            merged.merge(DistinctSample.from_bytes(sample(part).to_bytes()))
        assert merged.to_bytes() == whole.to_bytes()
    assert (whole.low, whole.high) == (x.min(), x.max())
    assert whole.values.size == min(SIZE, np.unique(x).size)
    assert np.isin(whole.values, x.astype(np.float64)).all()


def test_each_distinct_value_has_the_same_chance_however_often_it_comes():
    x = np.concatenate([np.arange(40_000.0), np.zeros(10**6), [-0.0]])
    found = sample(x).values
    assert np.unique(found).size == SIZE
    assert abs(np.median(found) - 20_000) < 1_000
    assert abs(np.quantile(found, 0.25) - 10_000) < 1_000


def test_a_sample_of_nothing_merges_into_one_of_something():
    nothing, something = DistinctSample(), sample([1.5, -2.0, 1.5])
    assert DistinctSample.from_bytes(nothing.to_bytes()).values.size == 0
    nothing.merge(something)
    something.merge(DistinctSample())
    assert nothing.to_bytes() == something.to_bytes()
    assert sorted(nothing.values) == [-2.0, 1.5]
