import itertools
import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import decode, encode, levels
from tests.quantization.brute_force import _shortest

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.standard_normal((500, 256)).astype(np.float32)
DRAWN = {
    "normal": NORMAL,
    "student": RANDOM.standard_t(4, (500, 256)).astype(np.float32),
    "laplace": RANDOM.laplace(size=(500, 256)).astype(np.float32) * np.exp(RANDOM.standard_normal((500, 1))),
    "skewed": RANDOM.exponential(size=(500, 256)).astype(np.float32) - 0.5,
    "uneven": NORMAL * np.exp(2 * RANDOM.standard_normal((500, 256))).astype(np.float32),
}
NF4 = np.float32(
    [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
     -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
     0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
)  # fmt: skip
IQ4_NL = np.float32([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]) / 127


def scaled(x, s=16, objective="mse", **kwargs):
    return levels(x, s, method="scaled", objective=objective, **kwargs)


def lost(decoded, x):
    x = np.asarray(x, np.float64)
    return float(((np.asarray(decoded, np.float64) - x) ** 2).sum() / (x**2).sum())


def rounded(x, scales, table):
    """Every block of 64 rounded to the nearest level of a table times its scale, kept as float16."""
    blocks, s = np.asarray(x, np.float64).reshape(-1, 64), scales.astype(np.float16).astype(np.float64)[:, None]
    y = np.divide(blocks, s, out=np.zeros_like(blocks), where=s != 0)
    return (s * table[abs(y[:, :, None] - table).argmin(axis=2)]).reshape(x.shape)


def largest(x):
    return abs(np.asarray(x, np.float64).reshape(-1, 64)).max(axis=1)


def signed_largest(x):
    blocks = np.asarray(x, np.float64).reshape(-1, 64)
    return np.take_along_axis(blocks, abs(blocks).argmax(axis=1)[:, None], axis=1)[:, 0]


# --- the error


@pytest.mark.parametrize("name", DRAWN)
def test_the_error_is_at_most_nine_tenths_of_nf4_and_below_other_formats_of_as_many_bits(name):
    x = DRAWN[name][:200]
    ours = lost(decode(encode(x, scaled(x))), x)
    assert ours <= 0.9 * lost(rounded(x, largest(x), NF4), x)
    assert ours <= lost(rounded(x, largest(x) / 7, np.arange(-8.0, 8)), x)  # absmax int4
    assert ours <= lost(rounded(x, signed_largest(x) / -8, np.arange(-8.0, 8)), x)  # Q4_0
    assert ours <= lost(rounded(x, -signed_largest(x), IQ4_NL), x)


@pytest.mark.parametrize("name", DRAWN)
def test_with_eight_bits_the_error_is_below_that_of_int8(name):
    x = DRAWN[name][:100]
    assert lost(decode(encode(x, scaled(x, 256))), x) <= lost(rounded(x, largest(x) / 127, np.arange(-127.0, 128)), x)


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
@pytest.mark.parametrize("name", DRAWN)
def test_losses_fall_and_the_last_is_what_encoding_costs(name, objective):
    x = DRAWN[name]
    table = scaled(x[:200], objective=objective)
    assert all(a > b for a, b in itertools.pairwise(table.losses))
    assert table.vnmse == table.losses[-1]
    assert table.squared_error == pytest.approx(table.vnmse * (x[:200].astype(np.float64) ** 2).sum())
    tolerance = 1e-5 if objective == "mse" else 0.15
    assert lost(decode(encode(x[:200], table, seed=1)), x[:200]) == pytest.approx(table.vnmse, rel=tolerance)
    many = np.tile(x, (2, 1))  # of which a sample of blocks settles the table
    table = scaled(many, objective=objective)
    assert lost(decode(encode(many, table, seed=1)), many) == pytest.approx(table.vnmse, rel=tolerance)


def with_scales(x, codes):
    """The scaled values in ascending order, and their weights."""
    scale = np.repeat(codes.scales, x.size // codes.scales.size)
    y = x.reshape(-1) / scale
    order = np.argsort(y)
    return y[order], scale[order] ** 2


def costs_of(y, w):
    """Of a level at the mean of the values from k on and before j."""
    costs = np.zeros((len(y) + 1, len(y) + 1))
    for k, j in itertools.combinations(range(len(y) + 1), 2):
        mean = np.average(y[k:j], weights=w[k:j])
        costs[k, j] = (w[k:j] * (y[k:j] - mean) ** 2).sum()
    return costs


@pytest.mark.parametrize("s", [2, 3, 5])
def test_a_table_is_the_optimum_for_its_scales(s):
    x = RANDOM.standard_normal((6, 16)).astype(np.float32)
    table = scaled(x, s, block=16)
    assert table.exact
    y, w = with_scales(x, encode(x, table))
    least = _shortest(costs_of(y, w), s, len(y) + 1)
    assert least * (1 - 1e-6) <= table.squared_error <= least * 1.05


@pytest.mark.parametrize("s", [4, 16, 64])
def test_scales_are_close_to_the_best_of_all(s):
    x = NORMAL[:4]
    table = scaled(NORMAL[:100], s)
    every = np.arange(1, 2**15, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every) & (every > 0.5) & (every < 8)].astype(np.float64)
    blocks, q = x.reshape(-1, 64).astype(np.float64), table.values.astype(np.float64)
    best = np.full(len(blocks), np.inf)
    for scale in np.concatenate([every[::4], -every[::4]]):
        near = np.searchsorted((q[1:] + q[:-1]) / 2, blocks / scale)
        best = np.minimum(best, ((blocks - scale * q[near]) ** 2).sum(axis=1))
    off = (decode(encode(x, table)).astype(np.float64) - x).reshape(-1, 64)
    ours = (off**2).sum(axis=1)
    assert (ours >= best * 0.98).all()
    assert ours.sum() <= best.sum() * 1.08


# --- unbiased


def test_the_mean_over_streams_is_the_value():
    x = np.concatenate([NORMAL[0, :100], [0.0, 1e-3]]).astype(np.float32)
    table = scaled(NORMAL, 8, "unbiased")
    rows = np.tile(np.pad(x, (0, 128 - len(x))), (20_000, 1))
    back = decode(encode(rows, table, seed=3)).astype(np.float64)
    off = back.mean(axis=0) - rows[0]
    noise = back.std(axis=0) / math.sqrt(len(rows))
    assert (abs(off) <= 4.5 * noise + 1e-6).all()


def test_rounding_at_random_needs_a_seed_and_depends_on_it():
    x = NORMAL[:10]
    table = scaled(x, 16, "unbiased")
    with pytest.raises(InvalidInput, match="seed is None"):
        encode(x, table)
    assert encode(x, table, seed=1) == encode(x, table, seed=1)
    assert encode(x, table, seed=1) != encode(x, table, seed=2)
    assert encode(x, table, seed=1) != encode(x, table, seed=1, stream=1)


# --- a level at 0


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
@pytest.mark.parametrize("scale", ["float16", "bfloat16", "e8m0"])
def test_zeros_stay_zeros_where_zero_is_a_level(objective, scale):
    pruned = np.where(abs(NORMAL) < 0.7, 0, NORMAL)
    table = scaled(pruned, 16, objective, zero=True, scale=scale)
    assert (table.values == 0).sum() == 1
    back = decode(encode(pruned, table, seed=1))
    assert (back[pruned == 0] == 0).all()
    relu = np.maximum(NORMAL, 0)
    back = decode(encode(relu, scaled(relu, 16, objective, zero=True, scale=scale), seed=1))
    assert (back[relu == 0] == 0).all()


@pytest.mark.parametrize("s", [2, 3, 6])
def test_a_table_with_zero_is_the_optimum_of_those(s):
    x = (RANDOM.standard_t(3, (4, 16)) * np.exp(RANDOM.standard_normal((4, 1)))).astype(np.float32)
    table = scaled(x, s, block=16, scale="e8m0", zero=True)  # few scales, which the last turns leave as they are
    y, w = with_scales(x, encode(x, table))
    costs, n = costs_of(y, w), len(y)
    sums = np.concatenate([[0], np.cumsum(w * y**2)])
    at_zero = np.where(np.tri(n + 1, k=-1, dtype=bool), np.inf, sums[None, :] - sums[:, None])
    costs[np.tri(n + 1, dtype=bool)] = np.inf
    without = np.where(np.arange(n + 1) == 0, 0, np.inf)  # no level at 0 so far
    one = (without[:, None] + at_zero).min(axis=0)
    for _ in range(s - 1):
        passed = (without[:, None] + costs).min(axis=0)
        one = np.minimum((one[:, None] + costs).min(axis=0), (passed[:, None] + at_zero).min(axis=0))
        without = passed
    assert table.exact
    assert table.squared_error == pytest.approx(one[-1], rel=1e-5)


def test_a_level_at_zero_costs_little_and_gains_where_many_values_are_zero():
    assert scaled(NORMAL, zero=True).vnmse <= scaled(NORMAL).vnmse * 1.03
    pruned = np.where(abs(NORMAL) < 1, 0, NORMAL)
    assert scaled(pruned, zero=True).vnmse <= scaled(pruned).vnmse * 1.001
