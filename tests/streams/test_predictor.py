"""What all predictors promise."""

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.streams import CharNgrams, Constant, FirstOf, KeyBits, LookupTable, from_bytes
from beforehand.streams.predictor import Sample
from tests.streams.predictors import NUMBER_COUNTS, NUMBERS, WORD_COUNTS, WORDS, fitted, integral, textual

FITTED = fitted()
FIXTURES = Path(__file__).parents[1] / "fixtures" / "streams"
every_predictor = pytest.mark.parametrize("name", FITTED)


@every_predictor
def test_one_number_for_each_key_the_same_every_time(name):
    predictor, keys = FITTED[name]
    found = predictor.predict(keys)
    assert found.dtype == np.float32
    assert found.shape == (len(keys),)
    assert np.isfinite(found).all()
    assert found.tolist() == predictor.predict(keys).tolist()
    assert isinstance(predictor, Predictor)


@every_predictor
def test_a_batch_is_its_keys_one_by_one(name):
    predictor, keys = FITTED[name]
    one_by_one = [predictor.predict(key) for key in keys]
    assert predictor.predict(keys).tolist() == one_by_one
    assert np.ndim(one_by_one[0]) == 0
    assert predictor.predict(keys[:0]).shape == (0,)


@every_predictor
def test_bytes_and_pickles_predict_the_same(name):
    predictor, keys = FITTED[name]
    data = predictor.to_bytes()
    for again in (from_bytes(data), pickle.loads(pickle.dumps(predictor))):
        assert again.predict(keys).tolist() == predictor.predict(keys).tolist()
        assert again.to_bytes() == data
        assert (again.horizon, again.price, repr(again)) == (predictor.horizon, predictor.price, repr(predictor))


@every_predictor
def test_the_price_is_time_and_the_bytes_of_the_model(name):
    predictor, _ = FITTED[name]
    price = predictor.price
    assert price.per == "key"
    assert price.tokens == price.amount == 0
    if name == "constant":
        assert price.bytes == price.seconds == 0
    else:
        assert price.bytes == len(predictor.to_bytes())
        assert 0 < price.seconds < 1e-3


@every_predictor
def test_the_horizon_shifts_what_it_says(name):
    predictor, keys = FITTED[name]
    if name == "constant":
        assert predictor.horizon is None
        assert predictor.predict(keys, horizon=7).tolist() == predictor.predict(keys).tolist()
        return
    assert predictor.horizon == (WORD_COUNTS if isinstance(keys, list) else NUMBER_COUNTS)[60:].sum()
    for factor in (1, 4, 1024):
        shifted = predictor.predict(keys, horizon=factor * predictor.horizon)
        assert shifted == pytest.approx(predictor.predict(keys) + np.log2(factor), abs=1e-5)
    for horizon in (0, -1, 1.5, True, "all"):
        with pytest.raises(InvalidInput, match="must be a whole number of arrivals, 1 or more"):
            predictor.predict(keys, horizon=horizon)


@pytest.mark.parametrize("name", textual())
def test_a_raw_stream_is_counted(name):
    stream = np.repeat(np.array(WORDS), WORD_COUNTS)
    np.random.default_rng(0).shuffle(stream)
    raw, counted = textual()[name].fit(stream.tolist()), textual()[name].fit(WORDS, WORD_COUNTS)
    assert raw.predict(WORDS).tolist() == counted.predict(WORDS).tolist()
    assert raw.horizon == counted.horizon == len(stream)
    twice = textual()[name].fit(WORDS + WORDS, np.concatenate([WORD_COUNTS - 1, np.ones_like(WORD_COUNTS)]))
    assert twice.predict(WORDS).tolist() == counted.predict(WORDS).tolist()


@pytest.mark.parametrize("name", textual())
def test_all_forms_of_text_are_the_same_keys(name):
    predictor = textual()[name].fit(WORDS, WORD_COUNTS)
    expected = predictor.predict(WORDS).tolist()
    for form in (np.array(WORDS), np.array(WORDS, "S"), [word.encode() for word in WORDS], np.array(WORDS, object)):
        assert predictor.predict(form).tolist() == expected
        assert textual()[name].fit(form, WORD_COUNTS).predict(WORDS).tolist() == expected


@pytest.mark.parametrize("name", integral())
def test_all_forms_of_integers_are_the_same_keys(name):
    predictor = integral()[name].fit(NUMBERS, NUMBER_COUNTS)
    expected = predictor.predict(NUMBERS).tolist()
    assert predictor.predict(NUMBERS.view(np.int64)).tolist() == expected
    assert predictor.predict(np.repeat(NUMBERS, 2)[::2]).tolist() == expected
    small = np.arange(100)
    for dtype in ("u1", "i2", ">u4"):
        assert predictor.predict(small.astype(dtype)).tolist() == predictor.predict(small).tolist()


def test_nulls_are_not_learned_and_predicted_as_nan():
    table = LookupTable().fit(["a", None, "b", "a", None])
    assert table.horizon == 3
    assert table.predict([None, "a", None, "b"]) == pytest.approx([np.nan, 1, np.nan, 0], nan_ok=True)
    assert table.knows([None, "a"]).tolist() == [False, True]
    assert np.isnan(table.predict([None, None])).all()
    assert np.isnan(table.predict(None))
    spelled = CharNgrams(buckets=16).fit(["a", None, "b"], [7, 1000, 7])
    assert spelled.horizon == 14
    assert np.isnan(spelled.predict(["x", None])).tolist() == [False, True]


def test_few_keys_are_drawn_by_their_hashes():
    sample = Sample.of(np.arange(1000), np.arange(1, 1001))
    few = sample.few(100)
    assert len(few.keys) == few.counts.size == 100
    assert (few.keys.ids + 1).tolist() == few.counts.tolist()
    assert 300 < few.counts.mean() < 700
    assert few.keys.ids.tolist() == sample.few(100).keys.ids.tolist()
    assert sample.few(1000) is sample


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: LookupTable().predict([1]), "this LookupTable was not fitted; call fit"),
        (lambda: KeyBits().to_bytes(), "this KeyBits was not fitted; call fit"),
        (lambda: CharNgrams().price, "this CharNgrams was not fitted"),
        (lambda: FirstOf(LookupTable(), KeyBits()).predict([1]), "this LookupTable was not"),
        (lambda: FirstOf(LookupTable().fit([1]), KeyBits()).predict([1]), "this KeyBits was not"),
        (lambda: LookupTable().fit([]), "keys are empty"),
        (lambda: LookupTable().fit(None), "keys are empty, but a predictor learns"),
        (lambda: LookupTable().fit([None]), "keys are empty, but a predictor learns from at least one"),
        (lambda: LookupTable().fit([1, 2], [1]), r"counts have shape \(1,\), but must be one for each of the 2 keys"),
        (lambda: LookupTable().fit([1, 2], [1, 0]), "counts must be integers of at least 1"),
        (lambda: LookupTable().fit([1, 2], [1.0, 2.0]), "counts must be integers"),
        (lambda: LookupTable().fit([1, 2], [1, 2**62]), r"whose sum stays below 2\*\*63"),
        (lambda: LookupTable().fit([1], weight="log"), "weight is 'log', but must be 'sqrt' or 'none'"),
        (lambda: KeyBits().fit([1], weight=None), "weight is None"),
        (lambda: CharNgrams().fit(["a"], weight=1), "weight is 1"),
        (
            lambda: LookupTable().fit(["a"]).predict([1]),
            "keys are integers, but this predictor was fitted with strings",
        ),
        (lambda: LookupTable().fit([1]).knows(["a"]), "keys are strings, but this predictor was fitted with integers"),
        (lambda: KeyBits().fit(["a"]), "keys are strings, but KeyBits reads the bits of integers; take CharNgrams"),
        (lambda: CharNgrams().fit([1]), "keys are integers, but CharNgrams reads strings; take KeyBits"),
        (lambda: KeyBits().fit([1]).predict(["a"]), "keys are strings"),
        (lambda: LookupTable().fit([1.5]), "keys"),
    ],
)
def test_what_is_no_use_is_refused(act, message):
    with pytest.raises(InvalidInput, match=message):
        act()


@every_predictor
def test_damaged_bytes_are_refused(name):
    predictor, _ = FITTED[name]
    data = predictor.to_bytes()
    for at in {*range(0, min(len(data), 160)), *range(160, len(data), 97)}:
        with pytest.raises(CorruptData):
            from_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(CorruptData):
            from_bytes(data[:at])
    with pytest.raises(CorruptData):
        from_bytes(data + b"\0")


@every_predictor
def test_content_of_another_length_is_refused(name):
    """With the right checksum, as whoever forges bytes would have it."""
    kind, keys, horizon, seconds, content = _native.read_model(FITTED[name][0].to_bytes())
    for size in range(len(content) + 9):
        if size == len(content):
            continue
        with pytest.raises(CorruptData):
            from_bytes(_native.write_model(kind, keys, horizon, seconds, (content + bytes(9))[:size]))


def forged(kind, content, key_kind=1):
    return _native.write_model(kind, key_kind, 10, 1e-9, content)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (forged(16, struct.pack("<IfQIB", 0, 0, 1, 5, 8)), "a table of 1 keys has 0 entries"),
        (forged(16, struct.pack("<IfQIB", 1, NAN, 1, 5, 8)), "the default is nan"),
        (forged(16, struct.pack("<IfQIIBB", 1, 0, 2, 5, 6, 8, 8)), "a table of 2 keys has 1 entries"),
        (forged(16, struct.pack("<IfQIIBB", 2, 0, 2, 6, 6, 8, 8)), "its fingerprints do not ascend"),
        (forged(16, struct.pack("<IfQIB", 1, 0, 2**61, 5, 8)), "a table of"),
        (forged(16, struct.pack("<IfQIB", 2**28, 0, 2**28, 5, 8)), "where 1073741840 must be"),
        (forged(16, struct.pack("<IfQIB", 1, 0, 1, 5, 8), 0), "does not say what its keys are"),
        (forged(17, struct.pack("<IBBHf5fe", 1, 0, 4, 0, *[0.0] * 7), 4), "its n-grams are 0 to 4 bytes long"),
        (forged(17, struct.pack("<IBBHf5fe", 1, 1, 9, 0, *[0.0] * 7), 4), "its n-grams are 1 to 9 bytes long"),
        (forged(17, struct.pack("<IBBHf5fe", 1, 1, 4, 0, *[0.0] * 6, INF), 4), "its weights are not finite"),
        (forged(17, struct.pack("<IBBHf5fe", 1, 1, 4, 0, NAN, *[0.0] * 6), 4), "its weights are not"),
        (forged(17, struct.pack("<IBBHf5fe", 1, 1, 4, 0, *[0.0] * 7), 1), "reads strings"),
        (forged(17, struct.pack("<IBBHf", 0, 1, 4, 0, 0.0), 4), "it has 0 buckets"),
        (forged(18, struct.pack("<IfQe", 1, 0, 0, NAN)), "its weights are not finite"),
        (forged(18, struct.pack("<IfQ", 65_537, 0, 0)), "it has 65537 buckets"),
        (forged(18, struct.pack("<IfQe", 1, 0, 0, 0), 4), "reads integers"),
        (forged(20, struct.pack("<d", 1.0), 0), "it has learned nothing"),
        (_native.write_model(20, 0, 0, 0.0, struct.pack("<d", NAN)), "it says nan of all keys"),
        (forged(19, struct.pack("<fIQ", 0, 0, 2**63)), "its first part has 9223372036854775808 bytes"),
        (forged(19, struct.pack("<fIQ", NAN, 0, 0)), "it ends inside its magic"),
        (forged(21, b""), "kind 21 at byte 10 is none"),
    ],
)
def test_forged_content_is_refused(data, message):
    with pytest.raises(CorruptData, match=message):
        from_bytes(data)


def test_forged_parts_of_a_first_of_are_refused():
    known = LookupTable().fit(np.array([1, 1], np.uint64))
    table, constant = known.to_bytes(), Constant(1).to_bytes()

    def first_of(a, b, *, shift=0.0, horizon=2):
        content = struct.pack("<fIQ", shift, 0, len(a)) + a + b
        return _native.write_model(19, 1, horizon, known.price.seconds, content)

    assert from_bytes(first_of(table, constant)).predict([1, 5]).tolist() == [1, 1]
    for data, message in (
        (first_of(constant, constant), "its first part is no table"),
        (first_of(table, constant, shift=INF), "its shift is inf"),
        (first_of(table, constant, horizon=3), "it says otherwise than its parts"),
    ):
        with pytest.raises(CorruptData, match=message):
            from_bytes(data)
    deep = table
    for _ in range(8):
        deep = first_of(deep, constant)
    assert from_bytes(deep).depth == 8
    with pytest.raises(CorruptData, match="nested more than 8 levels deep"):
        from_bytes(first_of(deep, constant))


WORDS_ASKED, NUMBERS_ASKED = ["set_5", "get_6", "tmp_7", "new"], NUMBERS[::30]


@pytest.mark.parametrize(
    ("name", "keys", "predicted"),
    [
        ("lookup_table", WORDS_ASKED, [6, 6, -2, -2]),
        ("char_ngrams", WORDS_ASKED, [6.0376, 5.5722, 2.5177, 6.2056]),
        ("key_bits", NUMBERS_ASKED, [4.5555, 4.6121, 5.7120, 4.5550]),
        ("first_of", WORDS_ASKED, [6, 6, 1.5177, 5.2056]),
        ("constant", WORDS_ASKED, [2.5] * 4),
    ],
)
def test_bytes_of_version_1_are_read_for_ever(name, keys, predicted):
    data = (FIXTURES / f"{name}.bhss").read_bytes()
    predictor = from_bytes(data)
    assert predictor.predict(keys) == pytest.approx(predicted, abs=1e-4)
    assert predictor.to_bytes() == data


@given(st.sampled_from(sorted(FITTED)), st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=8))
def test_content_with_other_bytes_is_refused_or_predicts(name, changes):
    """With the right checksum, so that nothing but the content tells."""
    predictor, keys = FITTED[name]
    kind, key_kind, horizon, seconds, content = _native.read_model(predictor.to_bytes())
    changed = bytearray(content)
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        read = from_bytes(_native.write_model(kind, key_kind, horizon, seconds, bytes(changed)))
    except CorruptData:
        return
    assert read.to_bytes() == _native.write_model(kind, key_kind, horizon, seconds, bytes(changed))
    found = read.predict(keys)
    assert (found.shape, found.dtype) == ((len(keys),), np.float32)
