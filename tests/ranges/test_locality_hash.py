import numpy as np

from beforehand.ranges import LocalityHash

RNG = np.random.default_rng(0)
DENSE = np.arange(10**6, 10**6 + 20_000, 2, dtype=np.uint64)
SCATTERED = np.sort(RNG.integers(0, 2**64, 10_000, np.uint64))


def test_no_rate_exceeds_its_bound_wherever_the_ranges_lie():
    for keys in (DENSE, SCATTERED):
        rates = []
        for seed in range(20):
            made = LocalityHash.build(keys, bits_per_key=10, seed=seed)
            lo = keys[:-1] + np.uint64(1)
            hi = np.minimum(lo + np.uint64(7), keys[1:] - np.uint64(1))
            rates.append(made.may_intersect(lo, hi).mean())
        assert np.mean(rates) <= made.bound(8)
        assert (np.mean(rates) > 0) == (keys is SCATTERED)  # keys never collide with ranges of their own block


def test_longer_ranges_have_larger_bounds_up_to_one():
    made = LocalityHash.build(SCATTERED)
    bounds = [made.bound(length) for length in (1, 10, 100, 10**12)]
    assert bounds == sorted(bounds)
    assert bounds[1] == 10 * bounds[0]
    assert bounds[-1] == 1.0
