import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.streams import SpaceSaving, theory
from beforehand.workloads.streams import zipf

CAPACITIES = (1024, 4096, 16_384, 65_536)


@pytest.mark.parametrize(
    ("alpha", "floors"),
    [
        (1.0, [6922, 1468, 300, 57]),
        (1.1, [5024, 978, 183, 32]),
        (1.25, [2537, 422, 68, 10]),
        (1.5, [596, 73, 9, 1]),
    ],
)
def test_floors_of_zipf_streams(alpha, floors):
    counts = theory.zipf_counts(1e7, 1_000_000, alpha)
    assert [round(theory.space_saving_floor(counts, k)) for k in CAPACITIES] == floors


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 60))
def test_the_floor_is_the_least_share_by_definition(counts, k):
    ordered = sorted(counts, reverse=True)
    shares = [(sum(ordered[j:]) / (k - j), j) for j in range(k)]
    floor = min(shares)[0] if len(counts) > k else 0
    assert theory.space_saving_floor(counts, k) == pytest.approx(floor)
    rmse = [math.sqrt((k - i) / len(counts)) * floor for share, i in shares if share <= floor * (1 + 1e-9)]
    assert theory.space_saving_rmse(counts, k) in [pytest.approx(each, rel=1e-6) for each in rmse] or floor == 0


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(0, 60))
def test_the_residual_leaves_out_the_heaviest(counts, j):
    assert theory.residual(counts, j) == sum(sorted(counts)[: max(0, len(counts) - j)])


def test_zipf_counts_add_up_and_fall():
    for alpha in (0, 0.5, 1, 3):
        counts = theory.zipf_counts(1e6, 1000, alpha)
        assert counts.sum() == pytest.approx(1e6)
        assert counts[0] / counts[9] == pytest.approx(10**alpha)


def test_bounds_of_sketches():
    assert theory.count_min_error(1000, 10, 3) == pytest.approx((math.e * 100, math.exp(-3)))
    assert theory.count_sketch_error([3, 4], 100, 8) == pytest.approx((1.0, math.exp(-1)))
    assert theory.bloom_rate(1, 1, 0) == 0
    assert theory.bloom_rate(100, 2, 1e9) == pytest.approx(1)
    assert [theory.hll_error(r) for r in (16, 64)] == [0.26, 0.13]


def test_a_bloom_filter_takes_so_many_for_known():
    random, cells, keys = np.random.default_rng(0), 2000, 500
    rates = []
    for _ in range(50):
        filled = np.zeros(cells, bool)
        filled[random.integers(0, cells, 2 * keys)] = True
        rates.append(filled[random.integers(0, cells, (2000, 2))].all(1).mean())
    assert np.mean(rates) == pytest.approx(theory.bloom_rate(cells, 2, keys), rel=0.03)


@pytest.mark.parametrize(
    ("window", "wanted", "cut"),
    [
        (1000, 30, (34, 30, 1020, 20)),
        (2**20, 1000, (1049, 1000, 1_049_000, 424)),
        (10, 3, (4, 3, 12, 2)),
        (1, 1, (1, 1, 1, 0)),
    ],
)
def test_windows_are_cut_into_blocks(window, wanted, cut):
    assert theory.window_geometry(window, wanted) == cut


def test_windows_err_by_a_few_blocks():
    assert theory.window_error(1000, 10, 10) == 3 * 100 - 3 + 100
    assert theory.window_error(1000, 30, 100) == pytest.approx(3 * 34 - 3 + 10.2 + 34 - 20)
    assert theory.window_error(1000, 10, 8) == 3 * 100 - 3 + 2 * 125


@pytest.mark.parametrize(
    ("seen", "interval"),
    [(0, (0, 42.39)), (1, (1, 50.07)), (10, (10.60, 107.50)), (100, (283.15, 553.12)), (1000, (3602.13, 4433.50))],
)
def test_intervals_of_sampled_counts(seen, interval):
    found = theory.memento_interval(seen, seen, sample=0.25, confidence=0.99)
    assert found == pytest.approx(interval, abs=0.005)


@pytest.mark.parametrize("sample", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("true", [1, 30, 1000])
def test_intervals_hold_as_often_as_they_say(sample, true):
    drawn = np.random.default_rng(0).binomial(true, sample, 20_000)
    intervals = {x: theory.memento_interval(x, x, sample=sample, confidence=0.95) for x in set(drawn.tolist())}
    held = [intervals[x][0] <= true <= intervals[x][1] for x in drawn.tolist()]
    assert np.mean(held) >= 0.95


def test_a_whole_sample_leaves_bounds_alone():
    assert theory.memento_interval(3, 7, sample=1, confidence=0.9) == (3, 7)


def test_wider_bounds_give_wider_intervals():
    options = {"sample": 0.2, "confidence": 0.9}
    low, high = theory.memento_interval(5, 9, **options)
    assert low == theory.memento_interval(5, 5, **options)[0]
    assert high == theory.memento_interval(9, 9, **options)[1]


ZIPF = theory.zipf_counts(2e6, 1_000_000, 1.0)


@given(st.lists(st.integers(1, 300), min_size=5, max_size=60), st.floats(0.05, 1), st.floats(0, 1), st.integers(1, 4))
def test_gains_follow_their_formulas(counts, precision, recall, k):
    f, size = sorted(counts, reverse=True), len(counts)
    if theory.space_saving_floor(f, k) == 0:
        return
    others = min(1, recall * k * (1 - precision) / (precision * (size - k)))
    s = [recall] * k + [others] * (size - k)
    plain = theory.space_saving_floor(f, k), theory.space_saving_rmse(f, k) * math.sqrt(size)

    def shares(a, enters, room):
        """The floor, and the counters that are left to the light keys: some choices of j give the same floor."""
        inside = [sum(enters[:j]) for j in range(size + 1)]
        if inside[-1] <= room * (1 + 1e-12):
            return None, []
        found = [(sum(a[j:]) / (room - inside[j]), room - inside[j]) for j in range(size + 1) if inside[j] < room]
        least = min(found)[0]
        return least, [left for share, left in found if share <= least * (1 + 1e-9)]

    for loss in (3, 15, math.inf):
        lost = [min(each, loss) for each in f]
        enters = [1 if each > loss else p for each, p in zip(f, s, strict=True)]
        found = theory.learned_gain(f, precision, recall, k, loss=loss)
        floor, left = shares([x - (1 - p) * y for x, p, y in zip(f, s, lost, strict=True)], enters, k)
        if floor is None:  # all fit, or all but for rounding
            continue
        assert found.floor * plain[0] == pytest.approx(floor, rel=1e-6, abs=1e-6)
        filtered = sum((1 - p) * y**2 for p, y in zip(s, lost, strict=True))
        expected = [pytest.approx(math.sqrt(floor**2 * each + filtered), rel=1e-6, abs=1e-6) for each in left]
        assert found.rmse * plain[1] in expected


def test_what_filters_and_predictors_gain_on_zipf():
    for k, without, clairvoyant in ((1024, 0.34, 0.35), (4096, 0.17, 0.22)):
        assert round(theory.learned_gain(ZIPF, 1, 0, k).floor, 2) == without
        assert round(theory.learned_gain(ZIPF, 1, 1, k).floor, 2) == clairvoyant


def test_a_filter_without_limit_pays_only_with_nearly_perfect_recall():
    """Every heavy key that it misses is lost whole: up to 5.6 % of them may be, of the 1,024 heaviest."""
    for k, most in ((1024, 0.056), (4096, 0.010)):
        less, more = (theory.learned_gain(ZIPF, 1, 1 - miss, k, loss=math.inf).rmse for miss in (most / 2, most * 2))
        assert less < 1 < more


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("precision", [0.05, 0.5, 1.0])
def test_no_choice_of_pinned_keys_lowers_the_floor(alpha, precision):
    counts = theory.zipf_counts(1e6, 100_000, alpha)
    for recall in (0.01, 0.04):
        assert theory.learned_gain(counts, precision, recall, 512, use="pin").floor >= 1


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: theory.zipf_counts(-1, 10, 1), "total is -1"),
        (lambda: theory.zipf_counts(1, 0, 1), "universe 0"),
        (lambda: theory.zipf_counts(1, 1, -1), "alpha -1"),
        (lambda: theory.space_saving_floor([1], 0), "k is 0, but a summary has at least 1 counter"),
        (lambda: theory.space_saving_floor([], 1), "counts must be one or more"),
        (lambda: theory.space_saving_floor([-1, 2], 1), "counts must be one or more finite numbers from 0"),
        (lambda: theory.residual([math.nan], 1), "finite numbers"),
        (lambda: theory.count_min_error(1, 0, 1), "width is 0, but must be at least 1"),
        (lambda: theory.count_sketch_error([1], 1, 0), "depth is 0"),
        (lambda: theory.bloom_rate(0, 2, 1), "cells is 0"),
        (lambda: theory.hll_error(0), "registers is 0"),
        (lambda: theory.window_geometry(0, 1), "window is 0"),
        (lambda: theory.window_error(10, 1, 0), "counters is 0"),
        (lambda: theory.memento_interval(2, 1, sample=0.5, confidence=0.9), "the bounds are 2 and 1"),
        (lambda: theory.memento_interval(1, 1, sample=0, confidence=0.9), "sample is 0"),
        (lambda: theory.memento_interval(1, 1, sample=0.5, confidence=1), "confidence 1"),
        (lambda: theory.learned_gain(ZIPF, 0, 1, 10), "precision is 0"),
        (lambda: theory.learned_gain(ZIPF, 1, 2, 10), "recall 2"),
        (lambda: theory.learned_gain(ZIPF, 1, 1, 10, loss=-1), "loss -1"),
        (lambda: theory.learned_gain(ZIPF, 1, 1, 10, use="drop"), "use is 'drop', but must be 'filter' or 'pin'"),
        (lambda: theory.learned_gain([3, 2, 1], 1, 1, 3), "so many counters hold all keys"),
        (lambda: theory.learned_gain(ZIPF, 0.5, 0.5, 10, use="pin"), "pins all 10 counters; flag fewer keys"),
    ],
)
def test_what_has_no_answer_is_refused(act, message):
    with pytest.raises(InvalidInput, match=message):
        act()


def floor_of(stream, k):
    summary = SpaceSaving(capacity=k)
    summary.update(stream)
    return summary.error_bound


@pytest.mark.parametrize("alpha", [1.0, 1.25])
@pytest.mark.parametrize("k", [256, 4096])
def test_measured_floors_and_errors_of_streams_in_random_order(alpha, k):
    stream = zipf(1_000_000, 100_000, alpha, seed=1)["key"]
    keys, counts = np.unique(stream, return_counts=True)
    summary = SpaceSaving(capacity=k)
    summary.update(stream)
    law = theory.space_saving_floor(counts, k)
    assert law - 5 <= summary.error_bound <= law
    rmse = math.sqrt(np.mean((summary.estimate(keys) - counts) ** 2))
    assert 0.85 * theory.space_saving_rmse(counts, k) <= rmse <= theory.space_saving_rmse(counts, k)


@pytest.mark.parametrize("order", ["random", "ascending", "rounds"])
def test_no_order_of_arrivals_lifts_the_floor_above_the_law(order):
    random = np.random.default_rng(2)
    stream = zipf(200_000, 5000, 1.0, seed=2)["key"]
    keys, counts = np.unique(stream, return_counts=True)
    if order == "ascending":
        stream = np.repeat(keys[np.argsort(counts)], np.sort(counts))
    if order == "rounds":
        stream = np.concatenate([random.permutation(keys[counts > i]) for i in range(counts.max())])
    for k in (10, 100, 1000):
        assert floor_of(stream, k) <= theory.space_saving_floor(counts, k)


@pytest.mark.parametrize(("precision", "recall"), [(1, 0), (1, 1), (0.5, 0.5), (0.2, 0.8)])
@pytest.mark.parametrize("k", [256, 1024])
def test_measured_floors_of_filters(precision, recall, k):
    """By replay: a key that is not flagged loses its first 15 arrivals."""
    stream = zipf(1_000_000, 200_000, 1.0, seed=3)["key"]
    keys, codes, counts = np.unique(stream, return_inverse=True, return_counts=True)
    random, heavy = np.random.default_rng(4), np.argsort(-counts, kind="stable")[:k]
    flagged = random.random(keys.size) < recall * k * (1 - precision) / (precision * (keys.size - k))
    flagged[heavy] = random.random(k) < recall
    order = np.argsort(codes, kind="stable")
    place = np.empty(stream.size, int)
    place[order] = np.arange(stream.size) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = stream[flagged[codes] | (place >= 15)]
    expected = theory.learned_gain(counts, precision, recall, k).floor * theory.space_saving_floor(counts, k)
    assert floor_of(kept, k) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("precision", [1.0, 0.5])
def test_measured_floors_of_pinned_keys(precision):
    stream, k, recall = zipf(1_000_000, 200_000, 1.0, seed=5)["key"], 512, 0.2
    keys, codes, counts = np.unique(stream, return_inverse=True, return_counts=True)
    random, order = np.random.default_rng(6), np.argsort(-counts, kind="stable")
    right = random.choice(order[:k], round(recall * k), replace=False)
    wrong = random.choice(order[k:], round(recall * k / precision) - right.size, replace=False)
    pinned = np.isin(np.arange(keys.size), np.concatenate([right, wrong]))
    found = floor_of(stream[~pinned[codes]], k - int(pinned.sum()))
    expected = theory.learned_gain(counts, precision, recall, k, use="pin").floor
    assert found == pytest.approx(expected * theory.space_saving_floor(counts, k), rel=0.1)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: theory.zipf_counts("a", 3, 1.0), "total is 'a', but must be a number"),
        (lambda: theory.zipf_counts(1, 2.5, 1.0), r"universe is 2\.5, but must be a whole number"),
        (lambda: theory.zipf_counts(1, 3, None), "alpha is None"),
        (lambda: theory.residual([1], "a"), "j is 'a'"),
        (lambda: theory.residual([1], -1), "j is -1, but must be at least 0"),
        (lambda: theory.residual(["a"], 1), "counts must be one or more finite numbers from 0: could not"),
        (lambda: theory.space_saving_floor([1, 2], None), "k is None"),
        (lambda: theory.space_saving_floor([1, 2, 3], 1.5), r"k is 1\.5"),
        (lambda: theory.space_saving_floor([[1], [1, 2]], 1), "counts must be"),
        (lambda: theory.count_min_error("a", 1, 1), "total is 'a'"),
        (lambda: theory.count_min_error(-1, 1, 1), "total is -1"),
        (lambda: theory.count_sketch_error([1], None, 1), "width is None"),
        (lambda: theory.bloom_rate(1, 1, None), "keys is None"),
        (lambda: theory.hll_error("a"), "registers is 'a'"),
        (lambda: theory.window_geometry(10.5, 2), r"window is 10\.5"),
        (lambda: theory.window_error(10, 2, "x"), "counters is 'x'"),
        (lambda: theory.memento_interval(1, None, sample=0.5, confidence=0.9), "upper is None"),
        (lambda: theory.learned_gain([1, 2], "a", 1, 1), "precision is 'a'"),
        (lambda: theory.learned_gain([1, 2], 1, 1, 1, loss=None), "loss is None"),
        (lambda: theory.sizes(None, "exact"), "memory is None"),
        (lambda: theory.sizes(4096, "x"), "policy is 'x', but must be one of exact, filtered"),
    ],
)
def test_what_is_no_number_is_refused(ask, words):
    with pytest.raises(InvalidInput, match=words):
        ask()


def test_numbers_of_numpy_and_text_for_bytes_are_welcome():
    assert theory.space_saving_floor([3, 1, 6, 1], np.int64(2)) == theory.space_saving_floor([3, 1, 6, 1], 2)
    assert theory.hll_error(np.int32(256)) == theory.hll_error(256)
    assert theory.sizes("4KiB", "gated") == theory.sizes(4096, "gated")
