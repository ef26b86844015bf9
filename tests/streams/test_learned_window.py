import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.streams import (
    Constant,
    FromCallable,
    LearnedSlidingWindow,
    LookupTable,
    SlidingWindow,
    from_bytes,
    next_gaps,
)
from tests.streams.sections import header, sections
from tests.streams.window_model import WindowModel

UNIVERSE = np.arange(30, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


class Gaps:
    """Says gaps by a function of the keys."""

    price = Price(seconds=1e-9, bytes=8, per="key")

    def __init__(self, say):
        self.say, self.asked = say, []

    def predict_gaps(self, keys):
        self.asked.append(np.array(keys))
        return np.array(self.say(keys), dtype=np.float32)


def never(keys):
    return np.full(len(keys), 1e9)


RANDOM = np.random.default_rng(0)
HOSTILE = {
    "random": lambda keys: RANDOM.integers(0, 500, len(keys)),
    "another each time": lambda keys: RANDOM.choice([0, 1e9], len(keys)),
    "never": never,
    "nan": lambda keys: np.full(len(keys), np.nan),
    "inf": lambda keys: np.full(len(keys), np.inf),
    "negative": lambda keys: np.full(len(keys), -1e30),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_a_predictor_says_no_bound_is_violated_and_two_arrivals_are_lost_at_most(kind):
    random = np.random.default_rng(1)
    for window, blocks, counters in ((1, 1, 1), (97, 10, 3), (100, 10, 12), (250, 250, 60), (400, 60, 70)):
        seen = LearnedSlidingWindow(
            Gaps(HOSTILE[kind]), window, blocks=blocks, counters=counters, filter_share=0.1, seed=window
        )
        stream = (40 * random.random(5 * window + 30) ** 2).astype(np.uint64)
        for stop in range(9, len(stream), 9):
            seen.update(stream[stop - 9 : stop])
            inside = stream[max(0, stop - window) : stop]
            true = np.array([(inside == key).sum() for key in range(41)])
            lower, upper = seen.bounds(np.arange(41))
            assert (lower <= true).all()
            assert (true <= upper).all()
            assert (np.maximum(upper, 2) - 2 <= seen.error_bound + lower).all()
            assert seen.error_bound <= seen.guaranteed_error()
        assert (seen.report()["skipped"] == 0) == (kind in ("nan", "inf", "negative"))


@given(
    st.lists(st.one_of(st.integers(0, 5), st.integers(0, 29)), max_size=300),
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(1, 12),
    st.integers(1, 40),
    st.integers(0, 2**64 - 1),
)
def test_it_is_the_model_however_the_stream_is_cut(keys, window, blocks, counters, cut, seed):
    blocks = min(blocks, window)

    def gap(key):
        return [1e9, 0, 5, window / 2, np.nan][int(key) % 5]

    options = {"blocks": blocks, "counters": counters, "filter_share": 0.2, "seed": seed}
    seen, single = (
        LearnedSlidingWindow(Gaps(lambda asked: [gap(key) for key in asked]), window, **options) for _ in range(2)
    )
    model = WindowModel(window, blocks, counters, bits=8 * int(0.2 * (20 * counters + 10 * blocks)), gap=gap, seed=seed)
    for start in range(0, len(keys), cut):
        seen.update(UNIVERSE[keys[start : start + cut]])
    for key in UNIVERSE[keys] if keys else []:
        single.update(key)
        model.update(int(key))
    assert seen.to_bytes() == single.to_bytes()
    assert header(seen.to_bytes())["floor"] == model.floor
    found = sections(seen.to_bytes())
    assert np.frombuffer(found["KEYS"], "<u8").tolist() == model.y.table.keys
    held = np.unpackbits(np.frombuffer(found["FILT"], "u1", offset=16), bitorder="little")
    assert set(np.flatnonzero(held)) == model.held
    for key in UNIVERSE:
        assert seen.bounds(key) == model.sampled_bounds(int(key))
        assert seen.estimate(key) == model.estimate(int(key))


def test_keys_that_come_once_in_a_frame_take_no_counter():
    random = np.random.default_rng(2)
    heavy = random.integers(20, size=20_000)
    stream = np.where(random.random(20_000) < 0.5, heavy, np.arange(20_000) + 1000).astype(np.uint64)
    gaps = dict(zip(stream.tolist(), next_gaps(stream).tolist(), strict=True))  # heavy keys come again soon
    said = Gaps(lambda keys: [3.0 if key < 1000 else gaps[key] for key in keys.tolist()])
    learned = LearnedSlidingWindow(said, 2000, memory="8KiB", filter_share=0.2)
    plain = SlidingWindow(2000, memory="8KiB")
    for window in (learned, plain):
        window.update(stream)
    report = learned.report()
    assert 0.85 * 10_000 < report["skipped"] <= report["candidates"] <= 10_000
    assert report["unusable"] == 0
    assert report["model_bytes"] == 8
    assert report["calls"] == len(said.asked) == 1
    assert report["keys"] == sum(map(len, said.asked))
    assert report["seconds"] >= 0
    once, plain_once = (np.sum(window.top(len(window)).keys >= 1000) for window in (learned, plain))
    assert once < 0.2 * plain_once


def test_each_key_is_asked_about_once_and_those_that_keep_their_counters_are_not():
    said = Gaps(never)
    seen = LearnedSlidingWindow(said, 100_000, counters=50, blocks=50)
    seen.update(np.repeat(np.arange(10, dtype=np.uint64), 1000))
    assert [keys.tolist() for keys in said.asked] == [list(range(10))]
    seen.update(np.tile(np.arange(12, dtype=np.uint64), 500))
    assert [keys.tolist() for keys in said.asked[1:]] == [[10, 11]]
    seen.update(np.uint64(3))
    assert len(said.asked) == 2
    many = np.random.default_rng(3).integers(0, 50_000, 150_000).astype(np.uint64)
    seen.update(many)
    for chunk, keys in zip((many[:65_536], many[65_536:131_072], many[131_072:]), said.asked[2:], strict=True):
        assert len(np.unique(keys)) == len(keys)
        assert np.isin(keys, chunk).all()


def test_counts_become_gaps_by_the_horizon():
    rare, often = 2.0, 40.0  # in 1000 arrivals: gaps of 500 and 25
    seen = LearnedSlidingWindow(
        FromCallable(
            lambda keys: np.log2(np.where(keys == 1, rare, often)), price=Price(seconds=0.0, per="key"), horizon=1000
        ),
        100,
        memory="2KiB",
    )
    seen.update(np.array([1, 2, 1, 2], np.uint64))
    assert (seen.report()["candidates"], seen.report()["skipped"]) == (2, 1)  # key 1, which passes once
    assert seen.bounds(np.uint64(1)) == (1, 2)
    assert seen.bounds(np.uint64(2)) == (2, 3)
    table = LookupTable().fit(["home"] * 90 + ["login"] * 9 + ["once"])
    window = LearnedSlidingWindow(table, 50, memory="1KiB")
    window.update(["home", "once", "home"])
    assert window.report()["skipped"] == 1
    assert window.predictor is table


def test_what_fails_leaves_the_window_as_it_was():
    seen = LearnedSlidingWindow(Gaps(never), 100, memory="2KiB")
    seen.update(np.arange(30, dtype=np.uint64))
    before = seen.to_bytes()

    def fail(keys):
        raise RuntimeError("out of order")

    def call_back(keys):
        seen.update(keys)
        return never(keys)

    for say, error, message in (
        (fail, RuntimeError, "out of order"),
        (call_back, InvalidInput, "or its own predictor calls it"),
        (lambda keys: [1.0], InvalidInput, "the predictor says float32 of shape"),
    ):
        seen.predictor.say = say
        with pytest.raises(error, match=message):
            seen.update(np.arange(40, 80, dtype=np.uint64))
        assert seen.to_bytes() == before
    seen.predictor.say = never
    seen.update(np.arange(40, 80, dtype=np.uint64))
    assert seen.total == 70


def test_bytes_keep_the_predictor_if_it_has_bytes():
    table = LookupTable().fit(["home"] * 90 + ["login"] * 9 + ["once"])
    seen = LearnedSlidingWindow(table, 50, memory="1KiB")
    words = ["home", "once", "login", "twice", "home"] * 30
    seen.update(words)
    read, unpickled, copied = from_bytes(seen.to_bytes()), pickle.loads(pickle.dumps(seen)), seen.copy()
    own = from_bytes(seen.to_bytes(), predictor=Gaps(never))
    assert isinstance(own.predictor, Gaps)
    for each in (seen, read, unpickled, copied):
        each.update(words)
        assert each.to_bytes() == seen.to_bytes()
        assert each.top(1).keys == ["home"]
    strange = LearnedSlidingWindow(Gaps(never), 50, memory="1KiB")
    with pytest.raises(InvalidInput, match="hold no predictor"):
        from_bytes(strange.to_bytes())
    assert from_bytes(strange.to_bytes(), predictor=Gaps(never)).total == 0


@pytest.mark.parametrize(
    ("predictor", "options", "message"),
    [
        (7, {}, "predictor is 7, but must have predict"),
        (Constant(1.0), {}, "must have predict_gaps\\(keys\\), or predict\\(keys\\) and a horizon"),
        (LookupTable(), {}, "was not fitted"),
        (Gaps(never), {"filter_share": 0}, "filter_share is 0, but must be between 0 and 1"),
        (Gaps(never), {"filter_share": 2}, "filter_share is 2"),
        (Gaps(never), {"memory": 50}, "memory is 50"),
    ],
)
def test_bad_options_are_refused(predictor, options, message):
    with pytest.raises(InvalidInput, match=message):
        LearnedSlidingWindow(predictor, 100, **{"memory": "1KiB"} | options)


def test_weights_and_merges_are_refused():
    seen = LearnedSlidingWindow(Gaps(never), 50, memory="1KiB")
    with pytest.raises(InvalidInput, match="weights are given"):
        seen.update([1], weights=[1])
    with pytest.raises(InvalidInput, match="windows do not merge"):
        seen.merge(seen)
