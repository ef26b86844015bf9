"""What every summary of a stream promises."""

import copy
import pickle
from functools import cache

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.streams import (
    CountMin,
    CountSketch,
    from_bytes,
)
from beforehand.streams.ranking import Ranking
from tests.conformance.every_summary import (
    KEYS,
    STREAM,
    SUMMARIES,
    TRUE,
    check_bounds,
    merging,
    same_answers,
    summary,
    truth,
)

pytestmark = pytest.mark.native

WITH_WEIGHTS = [name for name, kind in SUMMARIES.items() if kind.window is None]


@pytest.fixture(params=SUMMARIES)
def kind(request):
    return SUMMARIES[request.param]


@pytest.fixture(params=WITH_WEIGHTS)
def weighing(request):
    return SUMMARIES[request.param]


def test_bounds_hold_for_every_key(kind):
    made = summary(kind, STREAM)
    if kind.certified:
        check_bounds(made, truth(kind))
        lower, upper = made.bounds(KEYS)
        assert ((lower <= made.estimate(KEYS)) & (made.estimate(KEYS) <= upper)).all()
    assert made.total == truth(kind).sum()


@pytest.mark.parametrize("name", SUMMARIES)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=5))
def test_a_stream_gives_the_same_bytes_however_it_is_cut(name, cuts):
    made = SUMMARIES[name].make(False)
    for part in np.split(STREAM, sorted(cuts)):
        made.update(part)
    assert made.to_bytes() == whole(name)


@cache
def whole(name):
    return summary(SUMMARIES[name], STREAM).to_bytes()


def test_keys_one_by_one_are_as_a_batch(kind):
    made = kind.make(False)
    for key in STREAM[:500].tolist():
        made.update(key)
    assert made.to_bytes() == summary(kind, STREAM[:500]).to_bytes()
    assert made.estimate(int(KEYS[0])) == made.estimate(KEYS)[0]
    assert made.bounds(int(KEYS[0])) == tuple(bound[0] for bound in made.bounds(KEYS))


@pytest.mark.parametrize("dtype", [np.uint64, np.int32, np.uint16])
def test_integers_of_any_dtype_are_the_same_keys(kind, dtype):
    same_answers(summary(kind, STREAM.astype(dtype)), summary(kind, STREAM))
    assert summary(kind, STREAM.tolist()).to_bytes() == summary(kind, STREAM).to_bytes()


@pytest.mark.parametrize(
    "form",
    [np.array, pyarrow.array, lambda keys: pyarrow.chunked_array([keys[:1000], keys[1000:]]), tuple],
    ids=["U", "arrow", "chunked", "tuple"],
)
def test_the_same_text_in_any_form_gives_the_same_bytes(kind, form):
    text = [str(key) for key in STREAM]
    assert summary(kind, form(text), text=True).to_bytes() == summary(kind, text, text=True).to_bytes()


@pytest.mark.parametrize("form", [list, np.array, pyarrow.array], ids=["list", "S", "arrow"])
def test_bytes_are_counted_as_the_text_that_they_are(kind, form):
    text = [str(key) for key in STREAM]
    of_text, of_bytes = summary(kind, text, text=True), summary(kind, form([key.encode() for key in text]), text=True)
    names = [str(key) for key in KEYS]
    answers = (
        of_bytes.estimate([name.encode() for name in names]),
        *of_bytes.bounds([name.encode() for name in names]),
    )
    for mine, theirs in zip((of_text.estimate(names), *of_text.bounds(names)), answers, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(InvalidInput, match="keys are bytes, but this one holds str"):
        of_text.update([b"0"])


@pytest.mark.parametrize(
    "again",
    [
        lambda made: from_bytes(made.to_bytes()),
        lambda made: pickle.loads(pickle.dumps(made)),
        lambda made: made.copy(),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["bytes", "pickle", "copy()", "copy", "deepcopy"],
)
@pytest.mark.parametrize("text", [False, True], ids=["integers", "text"])
def test_what_comes_back_goes_on_as_if_nothing_had_happened(kind, again, text):
    stream = [str(key) for key in STREAM] if text else STREAM
    made = summary(kind, stream[:3_500], text)
    back = again(made)
    assert type(back) is type(made)
    before = made.to_bytes()
    assert back.to_bytes() == before
    back.update(stream[3_500:])
    assert made.to_bytes() == before
    made.update(stream[3_500:])
    assert back.to_bytes() == made.to_bytes()
    back.check_invariants()


def test_bytes_begin_with_the_magic_and_the_version(kind):
    assert summary(kind, STREAM).to_bytes()[:10] == b"\x89BHSS\r\n\x1a\x01\0"


@pytest.mark.parametrize("text", [False, True], ids=["integers", "text"])
def test_bytes_that_end_early_or_late_or_have_a_flipped_bit_are_corrupt(kind, text):
    data = summary(kind, ["a", "b", "a", "c"] if text else STREAM[:200], text).to_bytes()
    step = max(1, len(data) // 200)
    wrong = [*(data[:size] for size in range(0, len(data), step)), data + b"\0"]
    wrong += [data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :] for at in [*range(80), *range(80, len(data), step)]]
    for each in wrong:
        with pytest.raises(CorruptData):
            from_bytes(each)


def test_the_top_has_keys_with_their_counts_and_errors(kind):
    made = summary(kind, [str(key) for key in STREAM], text=True)
    if not isinstance(made, Ranking):
        assert not hasattr(made, "top")
        return
    top = made.top(20)
    assert top.keys[0] == str(KEYS[truth(kind).argmax()])
    np.testing.assert_array_equal(top.estimate, made.estimate(top.keys))
    np.testing.assert_array_equal((top.lower, top.upper), made.bounds(top.keys))
    assert list(top.estimate) == sorted(top.estimate, reverse=True)
    true = dict(zip([str(key) for key in KEYS], truth(kind), strict=True))
    others = max(count for key, count in true.items() if key not in top.keys)
    assert not kind.certified or all(true[row.key] >= others for row in top if row.guaranteed)


@pytest.mark.parametrize("phi", [0.0, 0.005, 0.02, 1.0])
def test_heavy_hitters_keep_their_guarantee(kind, phi):
    made = summary(kind, STREAM)
    if not isinstance(made, Ranking) or not kind.certified:
        return
    heavy = set(KEYS[phi * made.total < truth(kind)])
    likely, sure = (made.heavy_hitters(phi, guarantee=f"no_false_{which}") for which in ("negatives", "positives"))
    assert set(sure.keys) <= heavy
    assert not likely.complete or heavy <= set(likely.keys)
    assert not sure.complete or heavy == set(sure.keys)


def test_weights_count_as_so_many_arrivals(weighing):
    weights = np.random.default_rng(1).integers(1, 500, len(STREAM))
    made = weighing.make(False)
    made.update(STREAM[:3_000], weights[:3_000])
    made = from_bytes(made.to_bytes())
    made.update(STREAM[3_000:], weights[3_000:].astype(np.uint16))
    made.check_invariants()
    assert made.total == weights.sum()
    if weighing.certified:
        check_bounds(made, np.bincount(STREAM, weights)[KEYS])


def test_none_alone_is_a_null(kind):
    made = summary(kind, ["a"], text=True)
    made.update(None)
    assert (made.total, made.skipped) == (1, 1)
    for ask in (made.estimate, made.bounds):
        with pytest.raises(InvalidInput, match="keys contain 1 nulls, which no summary counts"):
            ask(None)


def test_nulls_are_skipped_and_counted(kind):
    made = summary(kind, [None, "a", None, "b", "a"], text=True)
    assert (made.total, made.skipped) == (3, 2)
    if kind is not SUMMARIES["sampled window"]:
        assert made.estimate(["a", "b"]).tolist() == [2, 1]


def test_an_empty_batch_changes_nothing(kind):
    made, before = summary(kind, STREAM), summary(kind, STREAM).to_bytes()
    for empty in ([], np.zeros(0, np.int64), np.zeros(0, "U1"), pyarrow.array([], pyarrow.string())):
        made.update(empty)
    assert made.to_bytes() == before
    assert made.estimate([]).shape == (0,)


def test_clear_begins_anew(kind):
    made = summary(kind, STREAM)
    made.clear()
    assert made.total == 0
    assert (made.estimate(KEYS) == 0).all()
    made.update(STREAM)
    assert made.to_bytes() == summary(kind, STREAM).to_bytes()


@pytest.mark.parametrize(
    ("keys", "weights", "words"),
    [
        (np.array([1.0, 2.0]), None, "float64"),
        ([1, 2.0], None, "type float"),
        (np.array([True]), None, "bool"),
        ([1, "a"], None, "mix"),
        ("a", None, "this one holds"),
        (np.zeros((2, 2), np.int64), None, "2 dimensions"),
        ([1, 2, 3], [1, 2], "weights are 2 for 3 keys|weights are given"),
        ([1, 2], [1, 0], "at least 1|weights are given"),
        ([1, 2], [1, -1], "at least 1|weights are given"),
        ([1, 2], [1.0, 2.0], "float64|weights are given"),
        ([1], [float("nan")], "float64|weights are given"),
    ],
    ids=str,
)
def test_what_cannot_be_counted_is_refused_and_nothing_counted(kind, keys, weights, words):
    made = summary(kind, STREAM)
    before = made.to_bytes()
    with pytest.raises(InvalidInput, match=words):
        made.update(keys, weights)
    assert made.to_bytes() == before


def test_a_total_beyond_63_bits_is_refused_and_nothing_counted(weighing):
    made = summary(weighing, STREAM)
    made.update([7], 2**62)
    before = made.to_bytes()
    with pytest.raises(CapacityExceeded):
        made.update([7], 2**62)
    with pytest.raises(CapacityExceeded):
        made.update(np.arange(8), np.full(8, 2**60))
    assert made.to_bytes() == before


def test_a_merged_summary_holds_for_both_streams_in_either_order(kind):
    one, other = summary(kind, STREAM[:4_000]), summary(kind, STREAM[4_000:])
    if not merging(kind):
        with pytest.raises(InvalidInput, match="merge"):
            one.merge(other)
        return
    parts = one.to_bytes(), other.to_bytes()
    both, reverse = one | other, other | one
    assert (one.to_bytes(), other.to_bytes()) == parts
    for made in (both, reverse):
        made.check_invariants()
        assert made.total == len(STREAM)
        if kind.certified:
            check_bounds(made, TRUE)
    np.testing.assert_array_equal(both.bounds(KEYS), reverse.bounds(KEYS))
    one |= other
    assert one.to_bytes() == both.to_bytes()
    one.update(STREAM)
    if kind.certified:
        check_bounds(one, 2 * TRUE)


def test_merging_after_a_round_trip_through_bytes_is_as_good_as_before(kind):
    if not merging(kind):
        return
    parts = [summary(kind, part) for part in np.array_split(STREAM, 5)]
    before, after = parts[0].copy(), from_bytes(parts[0].to_bytes())
    for part in parts[1:]:
        before |= part
        after |= from_bytes(part.to_bytes())
        after = from_bytes(after.to_bytes())
    assert after.to_bytes() == before.to_bytes()
    if kind.certified:
        check_bounds(after, TRUE)


def test_merging_with_an_empty_one_and_with_itself_keeps_the_bounds(kind):
    if not merging(kind):
        return
    for made in (summary(kind, STREAM) | kind.make(False), kind.make(False) | summary(kind, STREAM)):
        assert made.total == len(STREAM)
        if kind.certified:
            check_bounds(made, TRUE)
    twice = summary(kind, STREAM)
    twice |= twice
    assert twice.total == 2 * len(STREAM)
    if kind.certified:
        check_bounds(twice, 2 * TRUE)


def test_what_does_not_go_together_is_not_merged(kind):
    made = summary(kind, STREAM)
    if not merging(kind):
        return
    before = made.to_bytes()
    stranger = summary(kind, ["a"], text=True)
    other = CountSketch(width=7) if not isinstance(made, CountSketch) else CountMin(width=7)
    for wrong, words in ((stranger, "str"), (other, "other is a Count")):
        with pytest.raises(InvalidInput, match=words):
            made.merge(wrong)
    with pytest.raises(TypeError):
        made |= {}
    assert made.to_bytes() == before


def test_memory_is_told_and_bounded(kind):
    made = summary(kind, STREAM)
    assert 0 < made.nbytes <= 4096
    assert made.seed == 0
    assert made.key_kind == "i64"
