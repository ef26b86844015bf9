import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import options


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: options.check_objective("mae"), "objective is 'mae', but must be 'unbiased' or 'mse'"),
        (lambda: options.check_n_levels(1, "unbiased"), "n_levels is 1, but must be from 2 to 65536 for objective="),
        (lambda: options.check_n_levels(0, "mse"), "n_levels is 0, but must be from 1 to 65536"),
        (lambda: options.check_n_levels(65537, "mse"), "n_levels is 65537"),
        (lambda: options.check_n_levels(2.0, "mse"), "n_levels is 2.0, but must be a whole number"),
        (lambda: options.check_rotation(3, 64), "n_levels is 3, but must be a power of two from 2 to 256"),
        (lambda: options.check_rotation(1, 64), "n_levels is 1, but must be a power of two"),
        (lambda: options.check_rotation(512, 64), "n_levels is 512, but must be a power of two"),
        (lambda: options.check_rotation(4, 32), "block is 32, but must be a power of two of at least 64"),
        (lambda: options.check_rotation(4, 96), "block is 96, but must be a power of two"),
        (lambda: options.check_rotation(4, None), "block is None, but must be a power of two"),
        (lambda: options.check_threads(0), "threads is 0, but must be at least 1"),
        (lambda: options.check_threads(1.0), "threads is 1.0, but must be a whole number"),
        (lambda: options.check_threads(2**70), r"threads is about 2\*\*70, but must be a whole number of at most"),
        (lambda: options.check_threads(1025), "threads is 1025, but must be at least 1, and at most 1024"),
        (lambda: options.check_n_levels(10**400, "mse"), r"n_levels is about 2\*\*1328, but must be a whole number"),
        (lambda: options.check_below("seed", -(10**400), 64), r"seed is about -2\*\*1328, but must be an int"),
        (lambda: options.ascending([1, 10**400]), "levels is not an array of numbers"),
        (lambda: options.check_bins(63), "bins is 63, but must be from 64 to 65536"),
        (lambda: options.check_bins(65537), "bins is 65537, but must be from 64 to 65536"),
        (lambda: options.check_certify(True, "uniform", "unbiased"), "certify is given with method='uniform'"),
        (lambda: options.check_certify(True, "exact", "mse"), "objective='mse', but only unbiased levels"),
        (lambda: options.check_below("seed", 2**64, 64), r"seed is 18446744073709551616, but must be an int from 0 to"),
        (lambda: options.check_below("stream", -1, 56), r"stream is -1, but must be an int from 0 to 2\*\*56 - 1"),
        (lambda: options.ascending(["a"]), "levels is not an array of numbers .*; pass ascending numbers"),
        (lambda: options.ascending([[1.0]], "grid"), r"grid has shape \(1, 1\), but must be 1-D"),
        (lambda: options.ascending([]), r"levels has shape \(0,\), but must be 1-D .* at least one number"),
        (
            lambda: options.ascending([1.0, 1.0]),
            r"levels must be finite and strictly ascending; pass np.unique\(levels",
        ),
        (lambda: options.ascending([1.0, np.inf]), "levels must be finite"),
        (lambda: options.ascending([np.nan]), "finite and strictly ascending"),
        (
            lambda: options.as_grid([1.0, 1.0 + 1e-9], np.dtype("f4")),
            "strictly ascending once it is rounded to float32",
        ),
        (lambda: options.as_grid([1.0, 1e39], np.dtype("f4")), "once it is rounded to float32; thin it out"),
    ],
)
def test_an_option_that_breaks_its_rule_is_refused(check, words):
    with pytest.raises(InvalidInput, match=words):
        check()


def test_options_at_the_ends_of_their_ranges_are_taken():
    for n_levels, objective in [(1, "mse"), (2, "unbiased"), (65536, "unbiased"), (np.int64(7), "mse")]:
        options.check_n_levels(n_levels, objective)
    for n_levels, block in [(2, 64), (256, 2**40)]:
        options.check_rotation(n_levels, block)
    for bins in (64, 65536):
        options.check_bins(bins)
    for value in (0, 2**56 - 1):
        options.check_below("stream", value, 56)
    options.check_certify(False, "uniform", "mse")
    options.check_threads(1)


def test_ascending_numbers_are_copied():
    numbers = np.array([1.0, 2.0])
    table = options.ascending(numbers)
    numbers[:] = 0
    assert table.tolist() == [1, 2]


def test_a_grid_is_rounded_to_the_dtype_of_levels():
    grid = options.as_grid([-0.0, 0.1], np.dtype(np.float32))
    assert grid.dtype == np.float64
    assert grid.tolist() == [0.0, float(np.float32(0.1))]
    assert not np.signbit(grid[0])
