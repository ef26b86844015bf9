import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization import levels, sorting


def solved(x, faster, monkeypatch, **options):
    monkeypatch.setattr(sorting, "numpy_is_faster", lambda dtype: faster)
    return levels(x, 7, method="exact", **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1}, {"axis": 2}, {"block": 16}, {"block": 50}])
def test_levels_do_not_depend_on_who_sorts(dtype, objective, options, monkeypatch):
    x = (20 * np.random.default_rng(0).standard_normal((6, 40, 50))).round(1).astype(dtype)
    theirs, ours = (solved(x, faster, monkeypatch, objective=objective, **options) for faster in (True, False))
    assert theirs.values.tobytes() == ours.values.tobytes()
    assert theirs.squared_error == ours.squared_error
    assert theirs.vnmse == ours.vnmse


def test_sorting_leaves_the_data_as_they_were(monkeypatch):
    x = np.random.default_rng(1).standard_normal(1000)
    before = x.copy()
    for faster in (True, False):
        solved(x, faster, monkeypatch)
        assert (x == before).all()


def test_zeros_of_both_signs_are_one_level_whoever_sorts(monkeypatch):
    for faster in (True, False):
        found = solved(np.array([-0.0, 0.0, -0.0, 1.0, -1.0]), faster, monkeypatch)
        assert found.values.tolist() == [-1, 0, 1]
        assert not np.signbit(found.values[1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -np.nan], ids=["nan", "inf", "-inf", "-nan"])
def test_what_is_not_finite_is_found_whoever_sorts(bad, monkeypatch):
    x = np.zeros((4, 8), np.float32)
    x[2, 3] = bad
    for faster in (True, False):
        for options in ({}, {"axis": 0}, {"axis": 1}, {"block": 3}):
            with pytest.raises(InvalidInput, match=r"1 NaN or infinite .* at flat index 19"):
                solved(x, faster, monkeypatch, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_our_own_sort_sorts(dtype):
    x = np.random.default_rng(2).standard_normal(5000).astype(dtype)
    assert _native.sort(_native.Values(x)).tobytes() == np.sort(x).tobytes()


def test_the_faster_sorter_is_found_once():
    assert sorting.numpy_is_faster("float32") == sorting.numpy_is_faster("float32")
    assert sorting.numpy_is_faster.cache_info().hits >= 1
