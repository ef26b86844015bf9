"""The benchmark of errors at every budget compares what fits, and runs where no rival is installed."""

import bench_budgets
import numpy as np
import pytest
from bench_scaled import drawn


def test_only_what_fits_a_budget_and_a_hundredth_is_chosen():
    found = [bench_budgets.Found("too large", 4.05, 0.1), bench_budgets.Found("fits", 4.04, 0.2)]
    assert bench_budgets.best(found, 4).name == "fits"
    assert bench_budgets.best(found, 3) is None


@pytest.mark.parametrize("budget", bench_budgets.BUDGETS)
def test_a_design_of_ours_fits_every_budget_by_the_bytes_that_it_makes(budget):
    x = drawn(64)
    sizes = [8 * codec.encode(x, seed=1).nbytes / x.size for _, codec in bench_budgets.ours(budget)]
    assert min(sizes) <= budget * (1 + 0.02)


def test_the_scale_of_signs_is_the_best_one():
    x = drawn(1)
    least = bench_budgets.lost(x, bench_budgets.signs(x, 256))
    for factor in (0.98, 1.02):
        assert least < bench_budgets.lost(x, bench_budgets.signs(x, 256) * np.float32(factor))


def test_a_rival_stores_no_fewer_bits_than_its_levels_take():
    x = drawn(4)
    for rival in bench_budgets.plain_rivals():
        blocks = rival.there_and_back(x).reshape(-1, 16)
        distinct = max(len(np.unique(block)) for block in blocks)
        assert distinct <= 2 ** rival.bits(x), rival.name


def test_without_packages_drawn_numbers_stand_in(monkeypatch):
    monkeypatch.setattr(bench_budgets, "package", lambda *_: None)
    monkeypatch.setattr(bench_budgets, "data", lambda: iter([("drawn: a few", drawn(4))]))
    assert [(name, x.shape) for name, x in bench_budgets.arrays(512)] == [("drawn: a few", (2, 256))]
