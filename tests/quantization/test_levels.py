import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beforehand.core.errors import InvalidInput
from beforehand.quantization import decode, encode, levels
from beforehand.quantization.theory import expected_squared_error
from tests.quantization.brute_force import least_mse, least_unbiased

SQUARES = np.arange(32) ** 2
RESIDUES = np.arange(200) ** 2 % 101


@pytest.mark.parametrize(
    ("x", "weights", "s", "error", "table"),
    [
        ([0, 1, 2, 3, 10], None, 2, 46, [0, 10]),
        ([0, 1, 2, 3, 10], None, 3, 4, [0, 3, 10]),
        ([0, 1, 2, 3, 10], None, 4, 1, None),
        ([0, 1, 2, 3, 10], None, 5, 0, None),
        (SQUARES, None, 2, 3812256, None),
        (SQUARES, None, 3, 985831, [0, 441, 961]),
        (SQUARES, None, 4, 441276, [0, 256, 576, 961]),
        (SQUARES, None, 5, 248241, None),
        (SQUARES, None, 8, 77777, [0, 100, 225, 361, 484, 625, 784, 961]),
        (SQUARES, None, 16, 14198, None),
        (RESIDUES, None, 2, 317465, None),
        (RESIDUES, None, 3, 86620, [0, 49, 100]),
        (RESIDUES, None, 4, 37358, None),
        (RESIDUES, None, 5, 18647, None),
        (RESIDUES, None, 8, 6360, None),
        (range(10), range(1, 11), 2, 660, None),
        (range(10), range(1, 11), 3, 150, [0, 5, 9]),
        (range(10), range(1, 11), 4, 65, [0, 4, 7, 9]),
        (range(10), range(1, 11), 5, 31, [0, 3, 5, 7, 9]),
        (range(16), None, 2, 560, None),
        (range(16), None, 4, 60, None),
        (range(16), None, 6, 20, None),
        (range(16), None, 16, 0, None),
    ],
)
def test_unbiased_levels_of_integers_are_optimal_to_the_digit(x, weights, s, error, table):
    found = levels(np.array(x, float), s, weights=None if weights is None else np.array(weights, float))
    assert found.squared_error == error
    assert found.exact
    assert found.gap == 0
    if table is not None:
        assert found.values.tolist() == table


@pytest.mark.parametrize(
    ("x", "s", "error"),
    [
        (SQUARES, 2, 1886192 / 3),
        (SQUARES, 3, 266412),
        (SQUARES, 4, 438481 / 3),
        (RESIDUES, 2, 149995 / 4),
        (RESIDUES, 3, 1284083 / 76),
        (RESIDUES, 4, 686815 / 64),
    ],
)
def test_k_means_of_integers_is_optimal(x, s, error):
    assert levels(x, s, objective="mse").squared_error == pytest.approx(error, rel=1e-14)


GOLDEN = {  # unbiased s = 3, 4, 8, 16, 64, 256; k-means 4, 16, 64; from generators seeded with 0
    "normal 4096": "7568.708333 2795.163719 424.8383123 88.04455693 4.563148755 .2267469223"
    " 462.9626413 36.63842953 2.085856719",
    "exp normal 4096": "23107.34958 9271.812092 1491.658865 309.6944232 13.40500036 .4915083295"
    " 1930.755151 135.4977248 5.813947935",
    "t3 4096": "67720.12483 18957.75659 2794.207112 510.9525884 22.93315953 .7606647064"
    " 3357.932929 212.7169627 9.92288174",
    "normal 65536": "175609.2291 59822.98735 8358.082544 1643.43443 87.74073113 5.117998062"
    " 7743.154776 629.8451232 42.16342794",
    "t3 65536": "2420062.33 553434.4263 63508.34025 12957.20404 656.79501 31.18932909"
    " 56338.82194 5395.960977 313.7801185",
}


def sample(name):
    random, size = np.random.default_rng(0), int(name.split()[-1])
    if name.startswith("t3"):
        return random.standard_t(3, size)
    normal = random.standard_normal(size)
    return np.exp(normal) if name.startswith("exp") else normal


@pytest.mark.parametrize("name", GOLDEN)
def test_known_optima_are_met_digit_for_digit(name):
    x = sample(name)
    unbiased = [levels(x, s, method="exact").squared_error for s in (3, 4, 8, 16, 64, 256)]
    k_means = [levels(x, s, method="exact", objective="mse").squared_error for s in (4, 16, 64)]
    assert [float(f"{error:.10g}") for error in unbiased + k_means] == [float(each) for each in GOLDEN[name].split()]


def test_float32_has_its_own_golden_value():
    x = np.random.default_rng(0).standard_normal(65536, dtype=np.float32)
    found = levels(x, 16)
    assert found.dtype == np.float32
    assert found.squared_error == pytest.approx(1536.056264, rel=1e-9)


NUMBERS = st.one_of(st.integers(-8, 8).map(float), st.floats(-1e6, 1e6, width=32))


@given(arrays(np.float64, st.integers(1, 24), elements=NUMBERS), st.integers(2, 9), st.booleans())
def test_no_choice_of_levels_beats_the_exact_one(x, s, weighted):
    weights = np.arange(len(x)) % 3 + 1.0 if weighted else None
    found = levels(x, s, weights=weights)
    count = len(np.unique(x))
    assert (found.values[1:] > found.values[:-1]).all()
    assert len(found.values) == min(s, count)
    assert found.values[0] == x.min()
    assert found.values[-1] == x.max()
    least = least_unbiased(x, s, weights) if count > s else 0
    rounding = 2.0**-46 * len(x) * np.square(x).max(initial=0)  # of float64 sums over all of the range
    assert found.squared_error == pytest.approx(least, rel=1e-9, abs=rounding)


@given(arrays(np.float64, st.integers(1, 24), elements=NUMBERS), st.integers(1, 9))
def test_no_clustering_beats_exact_k_means(x, s):
    found = levels(x, s, objective="mse")
    least = least_mse(x, s) if len(np.unique(x)) > s else 0
    assert found.squared_error == pytest.approx(least, rel=1e-9, abs=1e-20)


@given(arrays(np.float64, st.integers(1, 20), elements=st.floats(-10, 10, width=32)), st.integers(2, 8))
def test_no_levels_of_the_grid_beat_those_found_on_it(x, s):
    grid = np.linspace(-10.5, 10.5, 13)
    found = levels(x, s, grid=grid)
    assert found.values.tolist() == grid[found.grid_index].tolist()
    assert found.values[0] <= x.min()
    assert found.values[-1] >= x.max()
    inside = grid[np.searchsorted(grid, x.min(), "right") - 1 : np.searchsorted(grid, x.max()) + 1]
    least = least_unbiased(x, s, candidates=inside) if len(inside) > s else 0
    if len(inside) > s:
        assert found.squared_error == pytest.approx(least, rel=1e-9, abs=1e-20)


def test_shifted_data_have_shifted_levels():
    x = np.round(np.random.default_rng(3).standard_normal(5000) * 2**20) / 2**20
    for objective in ("unbiased", "mse"):
        here, there = levels(x, 8, objective=objective), levels(x + 1e8, 8, objective=objective)
        # Means are rounded to the spacing of doubles around 1e8; data values are not rounded at all.
        off = 0 if objective == "unbiased" else np.spacing(1e8)
        assert np.abs((there.values - 1e8) - here.values).max() <= off
        assert there.squared_error == pytest.approx(here.squared_error, rel=1e-9)


@pytest.mark.parametrize("exponent", [-1040, -900, -300, 20, 300, 900, 1010])
def test_levels_scale_with_the_data(exponent):
    x = np.round(np.random.default_rng(4).standard_normal(3000) * 64) / 1024  # exact even where doubles are subnormal
    scaled = np.ldexp(x, exponent)
    for method in ("exact", "histogram", "uniform")[: 2 if exponent < -1000 else 3]:  # subnormals are spaced unequally
        here, there = levels(x, 8, method=method), levels(scaled, 8, method=method)
        assert there.values.tolist() == np.ldexp(here.values, exponent).tolist()
        assert there.vnmse == pytest.approx(here.vnmse, rel=1e-12)
        with np.errstate(over="ignore", under="ignore"):
            assert there.squared_error == pytest.approx(np.ldexp(here.squared_error, 2 * exponent), rel=1e-12)


def test_negated_data_cost_the_same():
    x = np.exp(np.random.default_rng(5).standard_normal(2000))
    for objective in ("unbiased", "mse"):
        pair = levels(x, 7, objective=objective), levels(-x, 7, objective=objective)
        assert pair[0].squared_error == pytest.approx(pair[1].squared_error, rel=1e-12)


def test_integer_weights_are_repeated_values():
    random = np.random.default_rng(6)
    x, weights = random.standard_normal(400).astype(np.float32), random.integers(0, 5, 400)
    x[0], x[1] = -9, 9  # the ends count in any case
    weights[:2] = 1
    for objective in ("unbiased", "mse"):
        weighted = levels(x, 9, objective=objective, weights=weights)
        repeated = levels(np.repeat(x, weights), 9, objective=objective)
        assert weighted.values.tolist() == repeated.values.tolist()
        assert weighted.squared_error == pytest.approx(repeated.squared_error, rel=1e-12)


@pytest.mark.parametrize("s", [6, 15, 30])
@pytest.mark.parametrize("outlier", [1e4, 1e8, 1e12, 1e15])
def test_outliers_do_not_hide_the_optimum(outlier, s):
    x = np.random.default_rng(s).standard_normal(100)
    x[:2] = outlier, -outlier
    found = levels(x, s)
    assert found.exact
    assert found.squared_error <= least_unbiased(x, s) * (1 + 1e-9)


@pytest.mark.parametrize("method", ["exact", "histogram"])
def test_weights_below_all_rounding_leave_levels_that_are_numbers(method):
    random = np.random.default_rng(8)
    for _ in range(300):
        x, weights = random.standard_normal(8), 10.0 ** random.choice([-320, -300, -16, 0, 5], 8)
        found = levels(x, 5, weights=weights, objective="mse", method=method)
        assert np.isfinite(found.values).all()
        assert (np.diff(found.values) > 0).all()
        assert np.isfinite(found.squared_error)


def test_values_without_weight_are_still_enclosed():
    found = levels([0.0, 1.0, 2.0, 3.0, 50.0], 4, weights=[0, 1, 1, 1, 0])
    assert found.values.tolist()[0] == 0
    assert found.values.tolist()[-1] == 50
    assert levels([0.0, 1.0, 2.0, 50.0], 4, weights=[0, 1, 1, 0], objective="mse").values.tolist() == [1, 2]


@pytest.mark.parametrize("scale", [1e-290, 1e290])
def test_extreme_weights_neither_vanish_nor_overflow(scale):
    x = np.random.default_rng(7).standard_normal(300)
    plain = levels(x, 5)
    weighted = levels(x, 5, weights=scale)
    assert weighted.values.tolist() == plain.values.tolist()
    assert weighted.squared_error == pytest.approx(plain.squared_error * scale, rel=1e-12)
    assert weighted.vnmse == pytest.approx(plain.vnmse, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("size", [500, 40_000])  # sorted, and counted in a table
def test_small_types_give_what_their_floats_give(dtype, size):
    random = np.random.default_rng(8)
    x = (random.standard_normal(size) * 20 + 60).astype(dtype)
    for objective in ("unbiased", "mse"):
        small, wide = (levels(each, 6, method="exact", objective=objective) for each in (x, x.astype(np.float32)))
        kept = wide.values.astype(np.float16) if dtype == "float16" else wide.values  # as decoding gives them back
        assert small.values.tolist() == kept.tolist()
        rounding = 1e-3 if dtype == "float16" and objective == "mse" else 1e-12
        assert small.squared_error == pytest.approx(wide.squared_error, rel=rounding)
        assert small.dtype == np.float32


@pytest.mark.parametrize(
    "options", [{"objective": "mse"}, {"method": "uniform"}, {"objective": "mse", "axis": 0}], ids=str
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_error_of_float16_is_that_of_what_is_decoded(options, weighted):
    x = (1 + np.random.default_rng(9).random((4, 500)) / 8).astype(np.float16)  # 128 values, few bits apart
    weights = np.arange(1, 501.0) if weighted else np.ones(500)
    for s in (3, 20, 64):
        found = levels(x, s, weights=weights if weighted else None, **options)
        assert (found.values.astype(np.float16) == found.values).all()
        codes = encode(x, found, seed=1)
        assert (codes.levels.astype(np.float16) == codes.levels).all()
        error = (
            expected_squared_error(x, found.values, weights=weights, objective=found.objective)
            if "axis" not in options
            else (weights * (decode(codes).astype(float) - x.astype(float)) ** 2).sum()
        )
        assert found.squared_error == pytest.approx(error, rel=1e-6, abs=1e-12)
        if found.gap is not None:
            wide = levels(x.astype(np.float32), s, weights=weights if weighted else None, **options)
            assert (1 - found.gap) * found.squared_error <= wide.squared_error * (1 + 1e-6) + 1e-12


def test_given_levels_are_unbiased_in_float16_too():
    x = np.full(200_000, 0.7, np.float16)
    codes = encode(x, [0.1, 0.9001], seed=1)
    assert codes.levels.tolist() == np.array([0.1, 0.9001], np.float16).tolist()
    assert abs(decode(codes).astype(float).mean() - float(x[0])) < 0.004


def test_int64_is_solved_in_float64():
    found = levels(np.array([0, 2**53, 5]), 2)
    assert found.dtype == np.float64
    assert found.values.tolist() == [0, 2**53]


@pytest.mark.parametrize("method", ["exact", "histogram", "uniform"])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_groups_are_solved_one_by_one(method, objective):
    x = np.random.default_rng(9).standard_normal((5, 70, 3)).astype(np.float32)
    options = {"n_levels": 7, "method": method, "objective": objective}
    by_axis = levels(x, axis=1, **options)
    assert by_axis.values.shape == (70, 7)
    for i in range(70):
        alone = levels(x[:, i], **options)
        assert by_axis.values[i, : by_axis.counts[i]].tolist() == alone.values.tolist()
        assert by_axis.group_squared_error[i] == pytest.approx(alone.squared_error, rel=1e-12)
    assert by_axis.squared_error == pytest.approx(by_axis.group_squared_error.sum(), rel=1e-12)

    flat = np.ascontiguousarray(x.transpose(0, 2, 1))  # rows of 70, in blocks of 32, 32 and 6
    by_block = levels(flat, block=32, **options)
    assert len(by_block.counts) == 5 * 3 * 3
    for i, piece in enumerate(piece for row in flat.reshape(-1, 70) for piece in np.split(row, [32, 64])):
        alone = levels(piece, **options)
        assert by_block.values[i, : by_block.counts[i]].tolist() == alone.values.tolist()


def test_results_do_not_depend_on_threads():
    x = np.random.default_rng(10).standard_normal((300, 400))
    one = levels(x, 16, axis=0)
    for threads in (2, 3, 8):
        several = levels(x, 16, axis=0, threads=threads)
        assert several.values.tobytes() == one.values.tobytes()
        assert several.squared_error == one.squared_error


def test_layout_does_not_matter():
    x = np.random.default_rng(11).standard_normal((40, 60)).astype(np.float32)
    for other in (x[::-1, ::-1][::-1, ::-1], np.asfortranarray(x), x.astype(">f4")):
        assert levels(other, 8).values.tobytes() == levels(x, 8).values.tobytes()
    assert levels(x.ravel()[::2], 8).squared_error == levels(x.ravel()[::2].copy(), 8).squared_error


def test_short_tables_repeat_their_last_level():
    found = levels([[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]], 8, axis=0)
    assert found.n_levels == 3
    assert found.counts.tolist() == [1, 3]
    assert found.values.tolist() == [[1, 1, 1], [1, 2, 4]]
    assert np.asarray(found).tolist() == found.values.tolist()


def test_uniform_levels_are_equally_spaced_and_cost_more():
    x = np.exp(np.random.default_rng(12).standard_normal(1000))
    uniform, exact = levels(x, 9, method="uniform"), levels(x, 9)
    assert uniform.values == pytest.approx(np.linspace(x.min(), x.max(), 9), rel=1e-14)
    assert uniform.gap is None
    assert not uniform.exact
    assert uniform.squared_error > 2 * exact.squared_error


def test_auto_is_exact_for_small_groups_and_small_types_only():
    big = np.random.default_rng(13).standard_normal(70_000).astype(np.float32)
    assert levels(big).method == "histogram"
    assert levels(big.astype(np.float16)).method == "exact"
    assert levels(big[:65536]).method == "exact"
    assert levels(big[:1000], bins=64).method == "histogram"
    assert levels(big, 4, grid=np.linspace(-9, 9, 33)).method == "exact"


def test_cover_keeps_the_interior_and_encloses_the_new_data():
    table = levels(np.arange(100.0), 5)
    assert table.cover(np.arange(100.0)).values.tolist() == table.values.tolist()
    wider = table.cover([-7.0, 50.0, 130.0])
    assert wider.values.tolist() == [-7, *table.values[1:-1], 130]
    narrow = table.cover([30.0, 60.0])
    assert narrow.values.tolist() == [30, *[q for q in table.values if 30 < q < 60], 60]
    assert narrow.squared_error == 0
    constant = table.cover(np.full(4, 33.0))
    assert constant.values.tolist() == [33]


@pytest.mark.parametrize("grouping", [{}, {"axis": 0}, {"block": 20}], ids=str)
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_covering_levels_do_not_claim_to_be_optimal(grouping, objective):
    x = np.random.default_rng(15).standard_normal((2, 50))
    table = levels(x, 4, objective=objective, **grouping)
    assert table.exact
    moved = table.cover(x**3)
    assert (moved.gap, moved.exact) == (None, False)
    assert moved.squared_error > 1.01 * levels(x**3, 4, objective=objective, **grouping).squared_error


def test_covering_levels_that_lose_nothing_are_optimal():
    covered = levels([0.0, 1.0, 3.0], 3).cover([1.0, 1.0])
    assert (covered.squared_error, covered.gap, covered.exact) == (0, 0, True)


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e300])
def test_the_error_of_covering_levels_is_that_of_their_own_size_too(scale):
    table = levels([1.0, 2.0, 3.0], 3, objective="mse")
    covered = table.cover(np.full(4, -scale))
    assert covered.squared_error == (np.inf if scale == 1e300 else 4)


def test_cover_of_groups_wants_as_many_of_them():
    x = np.random.default_rng(14).standard_normal((6, 50))
    table = levels(x, 4, axis=0)
    moved = table.cover(x * 2)
    assert moved.values[:, 0].tolist() == (x.min(axis=1) * 2).tolist()
    with pytest.raises(InvalidInput, match=r"6 tables, but axis=0 .* into 50 groups"):
        table.cover(x[0])
    assert table.cover(x[:, :7]).values.shape == (6, 4)


def test_k_means_covers_by_scoring_only():
    table = levels([0.0, 1.0, 10.0, 11.0], 2, objective="mse")
    moved = table.cover([0.5, 10.5, 12.5])
    assert moved.values.tolist() == [0.5, 10.5]
    assert moved.squared_error == 4
