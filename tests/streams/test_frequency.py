from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.streams import CharNgrams, Constant, FirstOf, FromCallable, KeyBits, LookupTable, next_gaps
from tests.streams.predictors import WORD_COUNTS, WORDS, callable_of_length


def test_the_first_answers_for_what_it_knows_and_the_second_for_the_rest():
    table, ngrams = LookupTable(entries=20).fit(WORDS, WORD_COUNTS), CharNgrams(buckets=64).fit(WORDS, WORD_COUNTS)
    both = FirstOf(table, ngrams, shift=-2).predict(WORDS)
    known = table.knows(WORDS)
    assert known.sum() == 20
    assert both[known].tolist() == table.predict(WORDS)[known].tolist()
    assert both[~known].tolist() == (ngrams.predict(WORDS)[~known] - 2).tolist()


def test_the_second_learns_from_what_the_first_does_not_know():
    both = FirstOf(LookupTable(entries=20), CharNgrams(buckets=64)).fit(WORDS, WORD_COUNTS)
    known = both.knows(WORDS)
    others = [word for word, is_known in zip(WORDS, known, strict=True) if not is_known]
    alone = CharNgrams(buckets=64).fit(others, WORD_COUNTS[~known])
    assert known.sum() == 20
    assert both.predict(WORDS)[~known].tolist() == alone.predict(others).tolist()
    assert [both.horizon, *(part.horizon for part in both.parts)] == [WORD_COUNTS.sum()] * 3


def test_where_the_first_knows_all_the_second_learns_from_all():
    both = FirstOf(LookupTable(), KeyBits(buckets=8)).fit([1, 2], [4, 4])
    assert both.predict([1, 3]).tolist() == [2, 2]


def test_the_second_is_brought_to_the_horizon_of_the_first():
    table, bits = LookupTable().fit([1], [1024]), KeyBits(buckets=8).fit([7, 9], [2, 2])
    assert FirstOf(table, bits, shift=0).predict(8) == pytest.approx(bits.predict(8) + 8)  # 1024 / 4 = 2^8
    assert FirstOf(table, bits, shift=0).predict([1, 8], horizon=512) == pytest.approx([9, bits.predict(8) + 7])
    assert FirstOf(table, Constant(3), shift=0).predict(8) == 3


def test_two_tables_know_what_either_knows():
    both = FirstOf(LookupTable().fit(["a"], [4]), LookupTable().fit(["b"], [8]), shift=0)
    assert both.knows(["a", "b", "c", None]).tolist() == [True, True, False, False]
    three = FirstOf(both, Constant(9), shift=1)
    assert three.knows(["a", "b", "c"]).tolist() == [True, True, False]
    assert three.predict(["a", "b", "c"]).tolist() == [2, 2, 10]  # "b" came 8 times in 8: 4 in 4


def test_the_second_is_asked_about_unknown_keys_only():
    asked = []

    def fn(keys):
        asked.append(keys)
        return [0.0] * len(keys)

    both = FirstOf(LookupTable().fit(["a", "b"]), FromCallable(fn, price=Price(per="key")))
    both.predict(["a", "x", None, "b", "y"])
    both.predict(["a", "b"])
    assert asked == [["x", "y"]]


def test_its_price_is_that_of_both():
    table, slow = LookupTable().fit(["a"]), callable_of_length()
    both = FirstOf(table, slow)
    assert both.price.seconds == pytest.approx(1e-6 + table.price.seconds)
    assert both.price.bytes == table.price.bytes
    stored = FirstOf(table, Constant(1))
    assert stored.price.bytes == len(stored.to_bytes())
    assert stored.price.seconds == table.price.seconds


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["a", "bc"], ["a", "bc"]),
        ([b"a", None, b"bc"], [b"a", b"bc"]),
        (np.array(["a", "bc"]), ["a", "bc"]),
        (np.array([1, 2], np.uint8), [1, 2]),
        (np.array([-1, 2]), [-1, 2]),
    ],
    ids=["str", "bytes", "array of str", "unsigned", "signed"],
)
def test_functions_get_keys_as_arrays_or_lists(keys, expected):
    seen = []

    def fn(got):
        seen.append(got)
        return np.zeros(len(got))

    FromCallable(fn, price=Price(per="key")).predict(keys)
    (got,) = seen
    assert list(got) == expected
    assert type(got) is (np.ndarray if isinstance(expected[0], int) else list)
    if isinstance(got, np.ndarray):
        assert got.dtype == (np.int64 if -1 in expected else np.uint64)


def test_functions_may_know_their_horizon():
    assert callable_of_length().horizon is None
    assert callable_of_length(horizon=100).predict(["ab"], horizon=400).tolist() == [4]
    assert callable_of_length().predict(["ab"], horizon=400).tolist() == [2]


def test_copies_share_the_function():
    one = FirstOf(LookupTable(), callable_of_length())
    two = deepcopy(one)
    assert two.parts[1] is one.parts[1]
    assert two.parts[0] is not one.parts[0]


def test_what_functions_raise_goes_through():
    def fn(keys):
        raise KeyError("no such key")

    with pytest.raises(KeyError, match="no such key"):
        FromCallable(fn, price=Price(per="key")).predict(["a"])


FREE = Price(per="key")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: FirstOf(KeyBits(), LookupTable()), "must know which keys it knows"),
        (lambda: FirstOf(LookupTable(), len), "put a function into FromCallable"),
        (lambda: FirstOf(LookupTable(), Constant(1), shift=np.inf), "shift is inf, but must be finite"),
        (lambda: FromCallable(3, price=FREE), "fn is 3, but must be a function"),
        (lambda: FromCallable(len, price=1.0), "price is 1.0, but must be a Price"),
        (lambda: FromCallable(len, price=FREE, horizon=0), "horizon is 0, but must be a whole number from 1"),
        (
            lambda: FromCallable(lambda keys: [1.0], price=FREE).predict([1, 2]),
            r"float64 of shape \(1,\) for 2 keys",
        ),
        (lambda: FromCallable(lambda keys: 1.0, price=FREE).predict([1]), r"shape \(\) for 1 keys"),
        (
            lambda: FromCallable(lambda keys: ["a"], price=FREE).predict([1]),
            r"fn returned <U1 of shape",
        ),
        (lambda: FromCallable(lambda keys: [1j], price=FREE).predict([1]), "fn returned complex128"),
        (lambda: FromCallable(lambda keys: [None], price=FREE).predict([1]), "fn returned object"),
        (lambda: FromCallable(lambda keys: iter([1.0]), price=FREE).predict([1]), r"fn returned object of shape \(\)"),
        (lambda: callable_of_length().to_bytes(), "a function has no bytes"),
        (lambda: FirstOf(LookupTable().fit(["a"]), callable_of_length()).to_bytes(), "function has no bytes; keep"),
        (lambda: Constant("a"), "value is 'a', but must be a number"),
        (lambda: Constant(np.nan), "value is nan, but must be finite"),
    ],
)
def test_what_is_no_use_is_refused(act, message):
    with pytest.raises(InvalidInput, match=message):
        act()


def test_a_prediction_beyond_float32_is_infinite():
    assert FromCallable(lambda keys: [1e300, -1e300], price=FREE).predict([1, 2]).tolist() == [np.inf, -np.inf]


def test_nesting_has_a_limit():
    deep = LookupTable().fit([1])
    for _ in range(8):
        deep = FirstOf(deep, Constant(1))
    assert deep.depth == 8
    with pytest.raises(InvalidInput, match="nested 9 levels deep, but 8 is the most"):
        FirstOf(deep, Constant(1))


def test_a_constant_says_the_same_of_all():
    assert Constant(2.5).predict(np.arange(3)).tolist() == [2.5] * 3
    assert Constant(2.5).predict("a") == 2.5
    assert repr(Constant(2)) == "Constant(2.0)"


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcdefg"))))
def test_gaps_lead_to_the_next_arrival_of_the_same_key(keys):
    gaps = next_gaps(keys).tolist()
    arrivals = [row for row, key in enumerate(keys) if key is not None]
    for place, row in enumerate(arrivals):
        later = [
            next_place for next_place in range(place + 1, len(arrivals)) if keys[arrivals[next_place]] == keys[row]
        ]
        assert gaps[row] == (later[0] - place if later else 2**32 - 1)
    assert [gaps[row] for row in range(len(keys)) if keys[row] is None] == [2**32 - 1] * keys.count(None)


def test_gaps_of_integers_and_of_nothing():
    assert next_gaps(np.array([5, -1, 5, 5, -1])).tolist() == [2, 3, 1, 2**32 - 1, 2**32 - 1]
    assert next_gaps(np.zeros(0, int)).dtype == np.uint32
