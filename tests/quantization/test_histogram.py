import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.quantization import Histogram, levels
from tests.quantization.draws import DRAW
from tests.threads import parallelize


@pytest.mark.parametrize("name", DRAW)
def test_levels_of_a_histogram_come_close_to_the_optimum(name):
    x = DRAW[name](np.random.default_rng(1), 2**17).astype(np.float32)
    near, best = levels(x, 16, method="histogram"), levels(x, 16, method="exact")
    assert best.squared_error <= near.squared_error * (1 + 1e-12)
    assert near.squared_error <= 1.001 * best.squared_error
    assert np.isin(near.values, x).all()  # always values of the data


@pytest.mark.parametrize("name", [*DRAW, "outliers", "gaps"])
@pytest.mark.parametrize("bins", [64, 1024, 4096])
@pytest.mark.parametrize("s", [2, 3, 5, 16])
def test_the_certified_gap_is_never_below_the_true_one(name, bins, s):
    random = np.random.default_rng(11)
    if name in DRAW:
        x = DRAW[name](random, 20_000)
    else:
        x = random.standard_normal(20_000)
        x[:2] = (-1e8, 1e8) if name == "outliers" else (5, 6)
        x = x if name == "outliers" else np.round(x * 8) * 1000 + random.uniform(size=len(x))
    near = levels(x, s, bins=bins, certify=True)
    best = levels(x, s, method="exact", certify=True)
    assert 0 <= near.gap <= 1  # 1: the buckets are too wide to tell
    assert best.gap == 0
    assert near.squared_error * (1 - near.gap) <= best.squared_error * (1 + 1e-9)
    if bins == 4096 and name not in ("outliers", "gaps"):
        assert near.gap < 0.02  # a bound that says something


def test_a_certificate_can_be_had_without_the_data():
    x = np.random.default_rng(12).standard_normal(50_000)
    seen = Histogram.like(x)
    seen.update(x)
    assert seen.levels(16).gap is None
    found = seen.levels(16, certify=True)
    assert 0 < found.gap < 0.01
    assert found.values.tolist() == seen.levels(16).values.tolist()
    with pytest.raises(InvalidInput, match="certify is given with method='histogram' and objective='mse'"):
        seen.levels(16, objective="mse", certify=True)


def test_outliers_and_atoms_do_not_spoil_it():
    random = np.random.default_rng(2)
    for seed in range(20):
        x = np.random.default_rng(seed).standard_normal(50_000)
        x[:2] = -1e8, 1e8
        near, best = levels(x, 16, method="histogram"), levels(x, 16, method="exact")
        assert near.squared_error <= 1.002 * best.squared_error
    atoms = np.round(random.standard_normal(50_000) * 20)
    assert levels(atoms, 16, method="histogram").squared_error == pytest.approx(
        levels(atoms, 16, method="exact").squared_error, rel=1e-12
    )


def crowded(kind, random, n):
    """Values that crowd in a few buckets of a histogram, and how many are one fill value."""
    normal = random.standard_normal(n)
    return {
        "five clusters": normal + 1000 * random.integers(5, size=n),
        "fifty clusters": normal + 1000 * random.integers(50, size=n),
        "clusters in clusters": normal * 10.0 ** random.integers(-4, 3, n) + 1000 * random.integers(3, size=n),
        "zeros": np.where(random.random(n) < 0.8, 0, normal),
        "fill value": np.where(random.random(n) < 0.76, -9999, normal),
        "mostly fill value": np.where(random.random(n) < 0.97, 999, np.exp(normal)),
    }[kind].astype(np.float32)


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("s", [16, 64, 256])
@pytest.mark.parametrize(
    "kind", ["five clusters", "fifty clusters", "clusters in clusters", "zeros", "fill value", "mostly fill value"]
)
def test_values_that_crowd_in_a_few_buckets_cost_no_more(kind, s, objective):
    x = crowded(kind, np.random.default_rng(6), 70_000)
    weights = np.random.default_rng(7).integers(0, 3, x.size)
    for weight in (None, weights):
        near = levels(x, s, objective=objective, weights=weight)
        best = levels(x, s, objective=objective, weights=weight, method="exact")
        assert near.method == "histogram"
        assert near.squared_error <= 1.01 * best.squared_error
    groups = levels(x.reshape(2, -1), s, objective=objective, method="histogram", axis=0)
    assert groups.squared_error <= 1.01 * levels(x, s, objective=objective, method="exact").squared_error


@pytest.mark.parametrize("fill", [-(2.0**31), -9999.0, 1e6, 1e10, 1e20])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_a_fill_value_costs_one_level_however_far_it_is(fill, objective):
    x = np.random.default_rng(8).standard_normal(70_000)
    filled = np.concatenate([x, np.full(3 * x.size, fill)])
    found = levels(filled, 17, objective=objective, method="histogram")
    assert found.squared_error <= 1.01 * levels(x, 16, objective=objective, method="exact").squared_error
    assert found.squared_error == pytest.approx(found.cover(filled).squared_error, rel=1e-9)


def test_the_gap_says_so_where_the_buckets_of_a_histogram_are_too_coarse():
    random = np.random.default_rng(9)
    for far in (1e6, 1e12, -1e9):
        seen, x = Histogram(center=0.0, scale=1.0), random.standard_normal(20_000) + far
        seen.update(random.standard_normal(1000))
        seen.update(x)
        found = seen.levels(16)
        best = levels(np.concatenate([x, random.standard_normal(1000)]), 16).squared_error
        assert found.gap > 0.5
        assert (1 - found.gap) * found.squared_error <= best * (1 + 1e-9)
        assert not found.exact
    fine = Histogram(center=0.0, scale=1.0)
    fine.update(random.standard_normal(20_000))
    assert fine.levels(16).gap is None  # not asked for, and there is no need


def test_its_error_is_that_of_the_data():
    x = np.exp(np.random.default_rng(3).standard_normal(30_000))
    for bins in (64, 4096):
        found = levels(x, 9, bins=bins)
        scored = found.cover(x)
        assert scored.values.tolist() == found.values.tolist()
        assert found.squared_error == pytest.approx(scored.squared_error, rel=1e-9)
        assert found.vnmse == pytest.approx(scored.vnmse, rel=1e-9)
        assert found.gap is None
        assert not found.exact


def test_weighted_histograms_solve_the_weighted_problem():
    random = np.random.default_rng(4)
    x, weights = random.standard_normal(20_000), random.integers(0, 4, 20_000)
    near = levels(x, 12, weights=weights, method="histogram")
    best = levels(x, 12, weights=weights, method="exact")
    assert best.squared_error <= near.squared_error <= 1.001 * best.squared_error


def test_k_means_from_buckets_comes_close():
    x = np.random.default_rng(5).standard_normal(60_000)
    seen = Histogram.like(x)
    seen.update(x)
    best = levels(x, 16, objective="mse", method="exact")
    from_buckets = seen.levels(16, objective="mse")
    assert best.squared_error <= from_buckets.squared_error * (1 + 1e-9)
    assert from_buckets.squared_error <= 1.001 * best.squared_error
    assert levels(x, 16, objective="mse", method="histogram").squared_error <= 1.001 * best.squared_error


def test_values_too_far_for_exact_sums_are_summed_all_the_same():
    seen = Histogram(center=0.0, scale=1e-20)
    x = np.array([1.0, 2.0, 1e30, 3e30, -7e40])
    seen.update(x)
    assert Histogram.from_bytes(seen.to_bytes()).squared_norm == pytest.approx((x**2).sum(), rel=1e-12)
    twice = Histogram.from_bytes(seen.to_bytes())
    twice.merge(seen)
    assert twice.squared_norm == pytest.approx(2 * (x**2).sum(), rel=1e-12)
    seen._native.check_invariants()


@pytest.mark.parametrize("first", [[1e-320, -1e-320], [5e-324]])
def test_values_next_to_zero_have_a_scale_too(first):
    seen = Histogram.like(first)
    for values in (first, [0.0, -3e-321], [1e-305]):
        seen.update(values)
    assert (seen.count, seen.maximum) == (len(first) + 3, 1e-305)
    assert seen.levels(64).values[[0, -1]].tolist() == [min(*first, -3e-321), 1e-305]


def test_values_that_a_scale_cannot_tell_apart_cost_the_worst_that_they_may():
    seen, x = Histogram(center=0.0, scale=1.0), np.linspace(1e-30, 3e-30, 1001)
    seen.update(x)
    found = seen.levels(2)
    assert found.squared_error >= levels(x, 2, method="exact").squared_error


def test_small_types_and_blocks_go_in_as_their_values():
    x = (np.random.default_rng(7).standard_normal(5000) * 10).astype(np.float16)
    half, single = (Histogram(center=0.0, scale=7.0) for _ in range(2))
    half.update(x.reshape(50, 100))
    single.update(x.astype(np.float32))
    assert half.levels(8).values.tolist() == single.levels(8).values.tolist()


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_any_center_and_scale_keep_all_values(center, scale, values):
    seen = Histogram(center=center, scale=scale, bins=64)
    seen.update(values)
    seen._native.check_invariants()
    found = seen.levels(65536)
    assert found.values[0] == min(values)
    assert found.values[-1] == max(values)


class Merging(RuleBasedStateMachine):
    """Histograms beside plain lists of what they were given."""

    @initialize(center=st.floats(-2, 2), scale=st.floats(0.01, 10))
    def begin(self, center, scale):
        self.options = {"center": center, "scale": scale, "bins": 64}
        self.seen, self.values = Histogram(**self.options), []

    @rule(values=st.lists(st.floats(-1e6, 1e6, width=32), max_size=30))
    def update(self, values):
        self.seen.update(np.array(values))
        self.values += values

    @rule(values=st.lists(st.floats(-(2.0**40), 2.0**40, width=32), max_size=30))
    def merge(self, values):
        other = Histogram(**self.options)
        other.update(np.array(values))
        self.seen.merge(other)
        self.values += values

    @invariant()
    @precondition(lambda self: hasattr(self, "seen"))
    def agrees_with_the_list(self):
        self.seen._native.check_invariants()
        assert self.seen.count == len(self.values)
        if not self.values:
            return
        assert self.seen.minimum == min(self.values)
        assert self.seen.maximum == max(self.values)
        assert self.seen.total_weight == len(self.values)
        whole = Histogram(**self.options)
        whole.update(np.array(self.values))
        assert whole.buckets == self.seen.buckets
        spread = (max(self.values) - min(self.values)) ** 2 * len(self.values)
        assert self.seen.levels(5).squared_error == pytest.approx(
            whole.levels(5).squared_error, rel=1e-9, abs=1e-12 * spread
        )


TestMerging = Merging.TestCase


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Histogram(center=np.nan, scale=1.0), "center is nan"),
        (lambda: Histogram(center=0.0, scale=0.0), "scale is 0.0"),
        (lambda: Histogram(center=0.0, scale=1.0, bins=5), "bins is 5"),
        (lambda: Histogram(center=0.0, scale=1.0, bins=100.5), "bins is 100.5, but must be a whole number"),
        (lambda: Histogram.like([1.0], bins="64"), "bins is '64', but must be a whole number"),
        (lambda: Histogram(center="a", scale=1.0), "center is 'a', but must be a number"),
        (lambda: Histogram(center=0.0, scale=None), "scale is None, but must be a number"),
        (lambda: Histogram(center=0.0, scale=1.0).merge([1.0]), "other is a list, but must be a Histogram; update"),
        (lambda: Histogram.from_bytes(10**12), "data is a int, but must be bytes"),
        (lambda: Histogram.like([]), "no values"),
        (lambda: Histogram.like([np.inf]), r"the first is inf at flat index 0"),
        (lambda: Histogram(center=0.0, scale=1.0).levels(4), "holds 0 values with a total weight of 0"),
        (lambda: Histogram(center=0.0, scale=1.0).update([1e200]), "squares would overflow"),
        (lambda: Histogram(center=0.0, scale=1.0).update([1.0], weights=[-1.0]), "weights contain -1.0"),
        (lambda: Histogram(center=0.0, scale=1.0).merge(Histogram(center=1.0, scale=1.0)), "other has center 1.0"),
    ],
)
def test_bad_input_is_refused(act, message):
    with pytest.raises(InvalidInput, match=message):
        act()


@pytest.mark.parametrize("first", [0.3, 0.0, -1e6, 5e-324])
def test_a_constant_first_batch_does_no_harm(first):
    random = np.random.default_rng(10)
    x = random.standard_normal(20_000)
    for batch in (np.full(5, first), np.full(1, first, np.float32)):
        seen = Histogram.like(batch)
        seen.update(batch)
        kept = Histogram.from_bytes(seen.to_bytes())  # knows as little
        for each in (seen, kept):
            each.update(batch)
            each.update(x)
            each._native.check_invariants()
            best = levels(np.concatenate([x, batch, batch]), 64, method="exact")
            assert each.levels(64).squared_error <= 1.02 * best.squared_error
            assert each.count == x.size + 2 * batch.size


def test_a_histogram_has_4096_bins_if_nothing_else_is_asked_for():
    x = np.random.default_rng(13).standard_normal(1000)
    usual, asked = Histogram.like(x), Histogram.like(x, bins=4096)
    for each in (usual, asked):
        each.update(x)
    assert usual.to_bytes() == asked.to_bytes()


def test_weights_whose_sum_would_overflow_are_refused():
    seen = Histogram(center=0.0, scale=1.0)
    with pytest.raises(InvalidInput, match="scale the values or the weights down"):
        seen.update([0.0, 0.0], weights=[1e308, 1e308])
    with pytest.raises(InvalidInput, match="squares would overflow"):
        seen.update([0.0, 1e100], weights=[1e250, 1.0])
    assert seen.count == 0
    seen.update([0.0, 1.0], weights=[1e280, 1.0])
    for _ in range(100):
        try:
            seen.merge(seen)
        except InvalidInput:
            break
        assert Histogram.from_bytes(seen.to_bytes()).levels(2).values.tolist() == [0.0, 1.0]
    else:
        pytest.fail("the weight grew beyond all bounds")
    many = Histogram(center=0.0, scale=1.0)
    many.update([1.0])
    for _ in range(63):
        many.merge(many)
    with pytest.raises(CapacityExceeded, match=r"2\*\*64"):
        many.merge(many)
    assert many.count == 2**63


def test_threads_may_read_what_another_one_updates():
    x = np.random.default_rng(12).standard_normal(50_000)
    seen, grown = Histogram(center=0.0, scale=1e-3, bins=4096), 10.0 ** np.arange(1, 60)

    def work(i):
        for step, far in enumerate(grown):
            if i == 0:
                seen.update(x * far)
            elif i == 1 and step < 6:
                seen.merge(Histogram.from_bytes(seen.to_bytes()))
            else:
                assert seen.count >= 0
                assert seen.squared_norm >= 0
                assert seen.minimum <= 0 or seen.maximum < 0  # of no values, or of all
                if seen.total_weight > 0:
                    assert np.isfinite(seen.levels(4).values).all()
                repr(seen)

    parallelize(work, 4)
    seen._native.check_invariants()


def test_a_refused_update_leaves_no_trace():
    seen = Histogram(center=0.0, scale=1.0)
    seen.update([1.0, 2.0])
    with pytest.raises(InvalidInput, match="NaN"):
        seen.update([5.0, np.nan])
    assert (seen.count, seen.maximum) == (2, 2.0)
