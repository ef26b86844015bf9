import math

import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization import hadamard, rotate

RANDOM = np.random.default_rng(0)


def butterfly(x):
    x, h = np.array(x, np.float64), 1
    while h < len(x):
        pairs = x.reshape(-1, 2, h)
        x = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(-1)
        h *= 2
    return x


# --- the transform


@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 8, 13, 15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_transform_is_that_of_sylvester_and_undoes_itself(k, dtype):
    x = RANDOM.integers(-100, 100, 2**k).astype(dtype)
    found = hadamard(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, butterfly(x) / math.sqrt(2**k), rtol=1e-6)
    np.testing.assert_allclose(hadamard(found), x, atol=1e-4)


def test_the_transform_of_rows_is_that_of_each_row():
    x = RANDOM.standard_normal((3, 5, 32)).astype(np.float32)
    np.testing.assert_array_equal(hadamard(x)[1, 4], hadamard(x[1, 4]))
    assert hadamard(np.float32(3)) == 3


def test_the_transform_can_write_to_an_array_and_onto_its_input():
    x = RANDOM.standard_normal((4, 64))
    out, wanted = np.empty_like(x), hadamard(x)
    assert hadamard(x, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    assert hadamard(x, out=x) is x
    np.testing.assert_array_equal(x, wanted)
    with pytest.raises(InvalidInput, match="out has shape"):
        hadamard(x, out=out[:2])
    with pytest.raises(InvalidInput, match="dtype float64"):
        hadamard(x.astype(np.float32), out=out)


@pytest.mark.parametrize("length", [0, 3, 96])
def test_other_lengths_are_refused(length):
    for operation in (hadamard, lambda x: rotate(x, seed=1)):
        with pytest.raises(InvalidInput, match=f"last axis of {length}, but it must be a power of two"):
            operation(np.ones((2, length)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_what_is_not_finite_or_overflows_is_refused(bad):
    for operation in (hadamard, lambda x: rotate(x, seed=1)):
        with pytest.raises(InvalidInput, match="NaN or infinity, or values whose sums overflow"):
            operation(np.full(8, bad, np.float32))


# --- stages, as other areas call them


def stages(x, **kwargs):
    x = x.copy()
    _native.hadamard_stages(x, **{"seed": 1} | kwargs)
    return x


def test_golden_signs():
    flipped = stages(np.ones(64, np.float32), hi=0, signs="before")
    assert sum(1 << i for i in range(64) if flipped[i] < 0) == 0x8510E6E40C19CC69
    once, twice = (rotate(np.eye(64)[0], seed=1, rounds=rounds) for rounds in (1, 2))
    second = hadamard(twice) / once  # the signs between the two transforms
    assert sum(1 << i for i in range(64) if second[i] < 0) == 0x949E27EAD555ABCC


def test_stages_are_not_normalised_and_can_be_split():
    x = RANDOM.integers(-9, 9, 64).astype(np.float32)
    np.testing.assert_array_equal(stages(x), butterfly(x))
    np.testing.assert_array_equal(stages(stages(x, hi=2), lo=2), stages(x))
    np.testing.assert_array_equal(stages(stages(x, signs="before"), signs="after"), 64 * x)
    with pytest.raises(InvalidInput, match="stages are 0 to 7, but must lie in 0 to 6"):
        stages(x, hi=7)
    with pytest.raises(InvalidInput, match="signs is 'both'"):
        stages(x, signs="both")


@pytest.mark.parametrize("k", [12, 21])
def test_stages_do_not_depend_on_threads(k):
    x = RANDOM.standard_normal(2**k).astype(np.float32)
    for signs in ("before", "after"):
        one, several = (stages(x, signs=signs, threads=threads) for threads in (1, 3))
        np.testing.assert_array_equal(one, several)
