import pickle
import threading
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.streams import SlidingWindow, evaluate, from_bytes, theory
from tests.streams.sections import header, sections
from tests.streams.window_model import WindowModel, interval, jump

ESTIMATORS = ("balanced", "upper", "lower", "paper")
UNIVERSE = np.arange(30, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def streams(random, n, universe, window):
    """Streams that are hard for a window, by name."""
    skewed = (universe * random.random(n) ** 3).astype(np.uint64)
    t = np.arange(n)
    return {
        "skewed": skewed,
        "in turn": (t % universe).astype(np.uint64),
        "drift": skewed + np.uint64(1000) * (t // (window // 2 + 1)).astype(np.uint64),
        "bursts": np.where(t // (window // 5 + 1) % 3 == 0, 0, random.integers(universe, size=n)).astype(np.uint64),
        "one against all": np.where(random.random(n) < 0.5, 0, 1 + t % universe).astype(np.uint64),
    }


@pytest.mark.parametrize("kind", ["skewed", "in turn", "drift", "bursts", "one against all"])
@pytest.mark.parametrize("filter", [None, "doorkeeper"])
def test_bounds_hold_for_every_key_at_any_time(kind, filter):
    random = np.random.default_rng(1)
    for window, blocks, counters in ((1, 1, 1), (97, 10, 3), (100, 10, 12), (400, 60, 20), (250, 250, 5), (64, 1, 9)):
        stream = streams(random, 4 * window + 50, 50, window)[kind]
        seen = SlidingWindow(window, blocks=blocks, counters=counters, filter=filter, filter_share=0.2)
        for stop in range(7, len(stream), 7):
            seen.update(stream[stop - 7 : stop])
            inside = stream[max(0, stop - window) : stop]
            keys = np.unique(np.concatenate([stream[:60], inside]))
            true = np.array([(inside == key).sum() for key in keys])
            lower, upper = seen.bounds(keys)
            assert (lower <= true).all()
            assert (true <= upper).all()
            assert (upper - lower).max() <= seen.error_bound
            assert seen.total == len(inside)
            assert seen.error_bound <= seen.guaranteed_error()
        wide = theory.window_error(window, blocks, counters) + (2 if filter else 0)
        assert seen.guaranteed_error() == pytest.approx(wide)


@given(
    st.lists(st.one_of(st.integers(0, 5), st.integers(0, 29), st.none()), max_size=300),
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(1, 12),
    st.sampled_from([None, "doorkeeper", 0.5, 0.2]),
    st.integers(0, 2**64 - 1),
)
def test_it_is_the_model(keys, window, blocks, counters, option, seed):
    blocks = min(blocks, window)
    options = {"filter": option} if option == "doorkeeper" else {"sample": option or 1.0}
    seen = SlidingWindow(window, blocks=blocks, counters=counters, seed=seed, filter_share=0.1, **options)
    bits = 8 * int(0.1 * (20 * counters + 10 * blocks)) if option == "doorkeeper" else 0
    model = WindowModel(window, blocks, counters, bits=bits, sample=options.get("sample", 1.0), seed=seed)
    for key in keys:
        if key is None:
            seen.advance(1)
        else:
            seen.update(UNIVERSE[key])
        model.update(None if key is None else int(UNIVERSE[key]))
    told, found = header(seen.to_bytes()), sections(seen.to_bytes())
    assert (told["total"], told["floor"]) == (model.t, model.floor)
    assert np.frombuffer(found["KEYS"], "<u8").tolist() == model.y.table.keys
    assert np.frombuffer(found["RING"], "<u8", 4).tolist() == [window, model.block, model.n, model.prev_floor]
    stored = np.frombuffer(found["RING"], "<u4", 1, 32)[0]
    assert np.frombuffer(found["RING"], "<u4", stored, 40).tolist() == [len(block) for block in model.ring]
    entries = np.frombuffer(found["RING"], "<u8", offset=40 + 4 * stored + 4 * (stored % 2))
    assert entries.tolist() == [key for block in model.ring for key in block]
    if option == "doorkeeper":
        held = np.unpackbits(np.frombuffer(found["FILT"], "u1", offset=16), bitorder="little")
        assert set(np.flatnonzero(held)) == model.held
    if isinstance(option, float):
        assert np.frombuffer(found["SAMP"], "<u8", 2, 16).tolist() == [model.jumps, model.until]
        assert np.frombuffer(found["SAMP"], "<u4", offset=32).tolist() == list(model.sampled)
    for key in UNIVERSE.tolist():
        low, high = model.sampled_bounds(key)
        if isinstance(option, float):
            low, high = interval(low, high, option, 0.99)
            high = min(int(high), seen.total)
            low = min(int(np.ceil(low)), high)
        assert seen.bounds(np.uint64(key)) == (low, high)
        for estimator in ESTIMATORS:
            expected = model.estimate(key, estimator) / options.get("sample", 1.0)
            if estimator in ("lower", "upper"):
                expected = low if estimator == "lower" else high
            elif estimator == "balanced":
                expected = min(max(expected, low), high)
            assert seen.estimate(np.uint64(key), estimator=estimator) == expected


def test_blocks_of_one_arrival_count_exactly():
    random = np.random.default_rng(3)
    stream = random.integers(20, size=2000)
    seen = SlidingWindow(100, blocks=100, counters=3)
    assert seen.block == 1
    for t, key in enumerate(stream):
        seen.update(int(key))
        if t % 13 == 0:
            inside = stream[max(0, t - 99) : t + 1]
            assert seen.estimate(np.arange(20)).tolist() == [(inside == key).sum() for key in range(20)]
    assert SlidingWindow(50, memory="2KiB").block == 1


def test_geometry():
    cuts = [(1000, 30, 34, 1020), (2**20, 1000, 1049, 1_049_000), (10, 3, 4, 12)]
    for window, blocks, block, frame in cuts:
        seen = SlidingWindow(window, blocks=blocks, counters=5)
        assert (seen.window, seen.block, seen.frame, seen.capacity) == (window, block, frame, 5)
    seen = SlidingWindow(2**18, memory="16KiB")
    assert (seen.capacity, seen.block) == (327, -(-(2**18) // 983))
    seen = SlidingWindow(2**18, memory="16KiB", counter_share=0.5, filter="doorkeeper")
    assert (seen.capacity, seen.block) == (389, -(-(2**18) // 778))
    assert len(sections(seen.to_bytes())["FILT"]) == 16 + 819


def test_the_estimator_of_the_paper_is_within_an_eps_of_the_window():
    random = np.random.default_rng(4)
    eps, window = 1 / 16, 2**12
    seen = SlidingWindow(window, blocks=4 * 16, counters=4 * 16)
    stream = random.zipf(1.2, 3 * window + 777).astype(np.uint64)
    for stop in range(100, len(stream), 100):
        seen.update(stream[stop - 100 : stop])
        inside = stream[max(0, stop - window) : stop]
        keys, true = np.unique(inside, return_counts=True)
        found = seen.estimate(keys, estimator="paper")
        assert (true <= found).all()
        assert (found <= true + eps * window).all()


def test_sampled_keys_and_intervals_are_as_documented():
    assert [jump(i, 0.25, 0) for i in range(12)] == [10, 2, 2, 2, 1, 1, 4, 5, 1, 1, 1, 2]
    assert [jump(i, 0.25, 1) for i in range(12)] == [1, 2, 1, 6, 9, 1, 2, 2, 1, 3, 2, 4]
    intervals = [(0, 0, 42.39), (1, 1, 50.07), (10, 10.60, 107.50), (100, 283.15, 553.12), (1000, 3602.13, 4433.50)]
    for count, low, high in intervals:
        assert interval(count, count, 0.25, 0.99) == pytest.approx((low, high), abs=0.005)
    seen = SlidingWindow(1000, memory="64KiB", sample=0.25, seed=1)
    seen.update(np.arange(40, dtype=np.uint64))
    assert len(seen) == sum(np.cumsum([1, 2, 1, 6, 9, 1, 2, 2, 1, 3, 2, 4, 1]) <= 40)


@pytest.mark.parametrize("sample", [0.5, 0.1])
def test_what_was_sampled_lies_within_its_bounds_for_certain(sample):
    random = np.random.default_rng(9)
    for seed in range(25):
        window = int(random.integers(1, 80))
        model = WindowModel(
            window, int(random.integers(1, window + 1)), int(random.integers(1, 12)), sample=sample, seed=seed
        )
        last = deque(maxlen=window)  # keys that were put, None for the others
        kinds = list(streams(random, 5 * window, 6, window).values())
        for key in kinds[seed % len(kinds)].tolist():
            put = model.until == 1
            model.update(key)
            last.append(key if put else None)
            for asked in range(7):
                lower, upper = model.sampled_bounds(asked)
                assert lower <= last.count(asked) <= upper


def test_sampled_bounds_hold_as_often_as_they_say():
    misses = checks = 0
    for seed in range(60):
        stream = streams(np.random.default_rng(seed), 900, 20, 200)["skewed"]
        seen = SlidingWindow(200, blocks=40, counters=30, sample=0.2, confidence=0.9, seed=seed)
        seen.update(stream)
        true = np.array([(stream[-200:] == key).sum() for key in range(20)])
        lower, upper = seen.bounds(np.arange(20, dtype=np.uint64))
        misses += ((true < lower) | (upper < true)).sum()
        checks += 20
    assert misses <= 0.1 * checks
    assert seen.sample == 0.2
    assert seen.confidence == 0.9


def test_any_cut_and_any_kind_of_array_give_the_same_bytes():
    keys = np.random.default_rng(5).integers(-5, 90, 3000)
    words = [f"key {key}" for key in keys.tolist()]
    for stream in (keys, words, np.array(words), [word.encode() for word in words]):
        for options in ({}, {"filter": "doorkeeper"}, {"sample": 0.3}):
            whole, cut = (SlidingWindow(500, memory="1KiB", **options) for _ in range(2))
            whole.update(stream)
            for start in range(0, 3000, 61):
                cut.update(stream[start : start + 61])
            assert whole.to_bytes() == cut.to_bytes()
            assert from_bytes(whole.to_bytes()).to_bytes() == pickle.loads(pickle.dumps(whole)).to_bytes()
    single = SlidingWindow(500, memory="1KiB")
    for word in words:
        single.update(word)
    assert single.top(9).keys == from_bytes(single.to_bytes()).top(9).keys


def test_labels_outlive_counters_and_bytes():
    seen = SlidingWindow(100, blocks=20, counters=2)
    assert seen.block == 5
    seen.update(["old"] * 40)
    seen.update([f"once {i}" for i in range(65)])  # a new frame: "old" is only in the log
    assert "old" in seen.top(40).keys
    read = from_bytes(seen.to_bytes())
    for each in (seen, read):
        each.update(["new"] * 20)
        assert each.top(1).keys == ["new"]
    assert read.to_bytes() == seen.to_bytes()
    assert sorted(read.top(90).keys) == sorted(seen.top(90).keys)
    assert not any(key == "" for key in read.top(90).keys)


def test_heavy_hitters_are_those_of_the_window():
    seen = SlidingWindow(1000, memory="8KiB")
    seen.update(np.repeat(np.uint64(7), 3000))
    seen.update(np.random.default_rng(6).integers(100, 10_000, 600).astype(np.uint64))
    found = seen.heavy_hitters(0.3)
    assert found.complete
    assert found.keys.tolist() == [7]
    assert found.lower[0] <= 400 <= found.upper[0]
    assert seen.top(1).keys.tolist() == [7]
    seen.advance(1000)
    assert seen.bounds(np.uint64(7)) == (0, seen.bounds(np.uint64(1))[1])
    assert seen.heavy_hitters(0.3).keys.tolist() == []


def test_an_endless_pause_takes_a_moment():
    seen = SlidingWindow(1000, memory="1KiB")
    seen.update(np.arange(5000, dtype=np.uint64))
    seen.advance(2**62)
    assert (len(seen), seen.arrivals, seen.total) == (0, 2**62 + 5000, 1000)
    with pytest.raises(CapacityExceeded, match=r"2\*\*63 - 1"):
        seen.advance(2**62)
    assert seen.arrivals == 2**62 + 5000


def test_nulls_do_not_move_the_window():
    seen = SlidingWindow(4, memory="1KiB")
    seen.update(["a", None, "b", None])
    assert (seen.skipped, seen.total, seen.bounds("a")) == (2, 2, (1, 1))


def test_memory_covers_what_it_takes():
    stream = np.random.default_rng(7).zipf(1.3, 300_000).astype(np.uint64)
    for memory in (16_384, 65_536, 262_144):
        seen = SlidingWindow(2**16, memory=memory)
        seen.update(stream)
        assert seen.nbytes <= memory


def test_it_forgets_and_evaluate_finds_no_violation():
    stream = np.random.default_rng(8).zipf(1.2, 40_000).astype(np.uint64)
    found = evaluate(SlidingWindow(5000, memory="16KiB"), stream, k=[10], on_arrival=True)
    assert (found.estimator, found.violations) == ("balanced", 0)
    upper = evaluate(SlidingWindow(5000, memory="16KiB"), stream, k=[10], on_arrival=True, estimator="upper")
    assert found.metrics["on_arrival_rmse"] < 0.6 * upper.metrics["on_arrival_rmse"]


def test_version_1_is_written_byte_for_byte():
    seen = SlidingWindow(5, blocks=2, counters=2)
    seen.update(np.array([1, 1, 1, 2, 1, 3, 1], np.uint64))
    data = seen.to_bytes()
    told = header(data)
    assert (told["kind"], told["key_kind"], told["width"], told["capacity"], told["total"]) == (11, 1, 4, 2, 7)
    assert list(sections(data)) == ["KEYS", "CNTS", "ERRS", "MINS", "RING"]
    ring = np.frombuffer(sections(data)["RING"], "<u8").tolist()
    assert ring[:4] == [5, 3, 2, 1]
    assert np.frombuffer(sections(data)["RING"], "<u4", 6, 32).tolist() == [3, 0, 0, 0, 0, 0]
    assert hex(told["crc"]) == "0x8cf1abb5"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0, "memory": 999}, r"window is 0, but must be a whole number from 1 to 281474976710656; pass"),
        ({"window": 2.5, "memory": 999}, "window is 2.5"),
        ({"window": 2**48 + 1, "memory": 999}, "window is 281474976710657"),
        ({"window": 9}, "pass either memory, or both blocks and counters"),
        ({"window": 9, "memory": 999, "blocks": 3}, "pass either memory"),
        ({"window": 9, "blocks": 3}, "pass either memory"),
        ({"window": 9, "blocks": 10, "counters": 1}, "blocks is 10, but must be a whole number from 1 to 9; no window"),
        ({"window": 9, "blocks": 3, "counters": 0}, "counters is 0, but must be a whole number from 1 to 2147483647"),
        ({"window": 9, "memory": 63}, "memory is 63, but a window takes at least 64 bytes"),
        ({"window": 9, "memory": "much"}, "memory is 'much'"),
        ({"window": 9, "memory": 999, "counter_share": 0}, "counter_share is 0, but must be between 0 and 1"),
        ({"window": 9, "memory": 999, "counter_share": 1}, "counter_share is 1"),
        ({"window": 9, "memory": 999, "filter": "bouncer"}, "filter is 'bouncer', but must be None or \"doorkeeper\""),
        ({"window": 9, "memory": 999, "filter": "doorkeeper", "filter_share": 1}, "filter_share is 1"),
        ({"window": 9, "memory": 99, "filter": "doorkeeper", "filter_share": 0.001}, "which is no byte of 99"),
        ({"window": 9, "memory": 999, "sample": 0}, "sample is 0, but must be from 2\\*\\*-20 to 1"),
        ({"window": 9, "memory": 999, "sample": np.nan}, "sample is nan"),
        ({"window": 9, "memory": 999, "confidence": 1}, "confidence is 1, but must be between 0 and 1"),
        ({"window": 9, "memory": 999, "sample": 0.5, "filter": "doorkeeper"}, "pass one of them"),
        ({"window": 9, "memory": 999, "seed": -1}, "seed is -1"),
        ({"window": 9, "memory": 999, "key": "float"}, "key is 'float'"),
        (
            {"window": 2**48, "memory": 999},
            r"blocks of \d+ arrivals, but at most 2\*\*32 - 1",
        ),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        SlidingWindow(**options)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda seen: seen.update([1], weights=[2]), "weights are given, but a window counts arrivals"),
        (lambda seen: seen.merge(seen), "windows do not merge.*partition by key"),
        (lambda seen: seen | seen, "windows do not merge"),
        (lambda seen: seen.advance(-1), "count is -1"),
        (lambda seen: seen.advance(1.0), "count is 1.0"),
        (lambda seen: seen.estimate([1], estimator="mid"), "estimator is 'mid', but must be one of balanced, upper"),
        (lambda seen: seen.update(["a"]), "keys are str"),
        (lambda seen: from_bytes(seen.to_bytes(), predictor=seen), "a window that asks none"),
    ],
)
def test_what_windows_do_not_do_is_refused(act, message):
    seen = SlidingWindow(10, memory="1KiB")
    seen.update(np.arange(30))
    before = seen.to_bytes()
    with pytest.raises(InvalidInput, match=message):
        act(seen)
    assert seen.to_bytes() == before


def test_damaged_bytes_are_refused():
    seen = SlidingWindow(10, memory="1KiB", filter="doorkeeper")
    seen.update(["a", "b", "c"] * 20)
    data = seen.to_bytes()
    for at in range(0, len(data), 3):
        with pytest.raises(CorruptData):
            from_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(CorruptData):
            from_bytes(data[:at])


def test_a_second_thread_is_refused():
    seen = SlidingWindow(1000, memory="64KiB")
    big = np.arange(300_000, dtype=np.uint64)
    refused, begun = [], threading.Event()

    def update():
        begun.set()
        for _ in range(5):
            seen.update(big)

    def ask():
        begun.wait()
        while worker.is_alive():
            try:
                seen.bounds(1)
            except InvalidInput as error:
                refused.append(str(error))

    worker = threading.Thread(target=update)
    worker.start()
    ask()
    worker.join()
    assert refused
    assert set(refused) == {
        "another thread is using this summary, or its own predictor calls it; use one per thread and merge"
    }
