import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Codec, decode, encode, levels

CHOICES = [
    {"method": "exact", "n_levels": 8},
    {"method": "histogram", "n_levels": 16, "objective": "mse"},
    {"method": "uniform", "n_levels": 4, "axis": 1},
    {"method": "auto", "n_levels": 5, "block": 7},
    {"method": "given", "n_levels": 3, "levels": [-1.0, 0.1, 2.0]},
    {"method": "given", "n_levels": 3, "objective": "mse", "levels": [-1.0, 0.1, 2.0]},
    {"method": "given", "n_levels": 3, "axis": 0, "levels": [-1.0, 0.1, 2.0]},
    {"method": "rotation", "n_levels": 16},
    {"method": "rotation", "n_levels": 2, "objective": "mse", "axis": 0, "block": 64},
]
arrays = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60)


@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_a_codec_encodes_the_same_after_a_round_trip_through_json(choices):
    codec = Codec(**choices)
    again = Codec.from_dict(json.loads(json.dumps(codec.to_dict())))
    x = np.random.default_rng(0).standard_normal((6, 20))
    assert again == codec
    assert again.encode(x, seed=3, stream=2).to_bytes() == codec.encode(x, seed=3, stream=2).to_bytes()


@pytest.mark.parametrize("choices", [c for c in CHOICES if c["method"] != "given"], ids=str)
def test_a_codec_does_what_levels_and_encode_do(choices):
    x = np.random.default_rng(1).standard_normal((6, 20)).astype(np.float32)
    options = {"objective": "unbiased"} | choices
    expected = encode(x, levels(x, options.pop("n_levels"), **options), seed=9, stream=1)
    assert Codec(**choices).encode(x, seed=9, stream=1).to_bytes() == expected.to_bytes()


@given(arrays, st.sampled_from(CHOICES[:2] + CHOICES[4:6]), st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_whatever_is_encoded_decodes_to_a_neighbouring_level(values, choices, seed):
    codec = Codec(**choices)
    x = np.array(values, dtype=np.float32)
    decoded = codec.decode(codec.encode(x, seed=seed))
    assert decoded.shape == x.shape
    assert decoded.dtype == x.dtype
    if codec.objective == "unbiased":
        assert x.min() <= decoded.min()
        assert decoded.max() <= x.max()
        assert (decoded[[x.argmin(), x.argmax()]] == [x.min(), x.max()]).all()


@given(
    arrays, st.integers(2, 20), st.sampled_from(["float16", "float32", "float64"]), st.sampled_from(["unbiased", "mse"])
)
@settings(deadline=None)
def test_uniform_levels_are_the_same_whether_scored_or_not(values, s, dtype, objective):
    x = np.clip(np.array(values), -6e4, 6e4).astype(dtype)
    codec = Codec(method="uniform", n_levels=s, objective=objective)
    assert codec.encode(x, seed=1) == encode(x, codec.fit(x), seed=1)


@given(
    arrays,
    st.sets(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8),
    st.sampled_from([{}, {"block": 3}, {"axis": 0}]),
)
@settings(deadline=None)
def test_given_levels_are_the_same_whether_scored_or_not(values, table, grouping):
    x = np.array(values, dtype=np.float32)
    codec = Codec(method="given", n_levels=len(table), levels=sorted(table), **grouping)
    assert codec.encode(x, seed=1) == encode(x, codec.fit(x), seed=1)


def test_given_levels_reach_to_the_ends_of_each_array_and_keep_their_interior():
    codec = Codec(method="given", n_levels=4, levels=[0.0, 1.0, 2.0, 3.0])
    decoded = codec.decode(codec.encode([-5.0, 1.0, 1.5, 2.0, 7.0], seed=0))
    assert decoded[[0, 1, 3, 4]].tolist() == [-5.0, 1.0, 2.0, 7.0]
    assert decoded[2] in (1.0, 2.0)


@pytest.mark.parametrize("grouping", [{"axis": 0}, {"axis": 1}, {"block": 4}], ids=str)
def test_given_levels_reach_to_the_ends_of_each_group(grouping):
    codec = Codec(method="given", n_levels=3, levels=[-1.0, 0.1, 2.0], **grouping)
    x = np.random.default_rng(2).standard_normal((3, 10))
    parts = {0: list(x), 1: list(x.T)}.get(grouping.get("axis"), [row[i : i + 4] for row in x for i in (0, 4, 8)])
    fitted = codec.fit(x)
    assert fitted.counts is not None
    for part, table, count in zip(parts, fitted.values, fitted.counts, strict=True):
        assert (table[:count] == Codec(method="given", n_levels=3, levels=[-1.0, 0.1, 2.0]).fit(part).values).all()


def test_given_levels_stay_where_they_are_under_rounding_to_the_nearest():
    codec = Codec(method="given", n_levels=3, objective="mse", levels=[0.0, 1.0, 2.0])
    assert codec.decode(codec.encode([-5.0, 0.4, 0.6, 9.0], seed=0)).tolist() == [0.0, 0.0, 1.0, 2.0]


def test_encoding_is_unbiased_with_given_levels():
    codec = Codec(method="given", n_levels=3, levels=[0.0, 1.0, 4.0])
    x = np.array([-1.0, 0.25, 2.0, 6.0])
    decoded = np.array([codec.decode(codec.encode(x, seed=1, stream=stream)) for stream in range(1000)])
    spread = decoded.std(axis=0) / np.sqrt(len(decoded))
    assert (np.abs(decoded.mean(axis=0) - x) <= 4.5 * spread).all()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (
            {"method": "best", "n_levels": 4},
            "method is 'best', but must be one of auto, exact, histogram, uniform, rotation, scaled, given",
        ),
        ({"method": "exact", "n_levels": 4, "objective": "mae"}, "objective is 'mae'"),
        ({"method": "exact", "n_levels": 4, "axis": 0, "block": 8}, "axis is 0 and block is 8, but only one"),
        ({"method": "given", "n_levels": 4}, '"given" and levels= go together'),
        ({"method": "exact", "n_levels": 2, "levels": [0, 1]}, '"given" and levels= go together'),
        ({"method": "given", "n_levels": 2, "levels": [1, 0]}, "strictly ascending"),
        ({"method": "given", "n_levels": 2, "levels": [0, np.nan]}, "finite"),
        ({"method": "given", "n_levels": 3, "levels": [0, 1]}, "n_levels is 3, but 2 levels are given"),
        ({"method": "exact", "n_levels": 2.5}, "n_levels is 2.5, but must be a whole number"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(choices, words):
    with pytest.raises(InvalidInput, match=words):
        Codec(**choices)


def test_how_many_levels_there_may_be_is_said_when_encoding():
    with pytest.raises(InvalidInput, match="n_levels is 1, but must be from 2 to 65536"):
        Codec(method="exact", n_levels=1).encode([1.0, 2.0], seed=0)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"method": "exact"},
        {"method": "exact", "n_levels": "4"},
        {"method": "exact", "n_levels": 4, "rounds": 2},
        {"method": "none", "n_levels": 4},
    ],
    ids=str,
)
def test_a_description_that_was_not_written_by_a_codec_is_corrupt(choices):
    with pytest.raises(CorruptData, match="not a valid description of a Codec"):
        Codec.from_dict(choices)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"method": "uniform", "n_levels": 65537}, "n_levels is 65537, but must be from 1 to 65536"),
        ({"method": "uniform", "n_levels": 0}, "n_levels is 0"),
        ({"method": "exact", "n_levels": 2**70}, r"n_levels is about 2\*\*70"),
        ({"method": "given", "n_levels": 70_000, "levels": list(range(70_000))}, "n_levels is 70000"),
        ({"method": "given", "n_levels": 2, "levels": [1, 10**400]}, "levels is not an array of numbers"),
        ({"method": "given", "n_levels": 2, "levels": [[1], [2, 3]]}, "levels has 2 tables, but all values share one"),
        ({"method": "given", "n_levels": 2, "levels": {"a": 1}}, "levels is not an array of numbers"),
        ({"method": "exact", "n_levels": 3, "axis": "a"}, "axis is 'a'"),
        ({"method": "exact", "n_levels": 3, "block": 2**64}, r"block is 18446744073709551616, but must"),
        ({"method": ["exact"], "n_levels": 3}, "method is"),
        ({"method": "exact", "n_levels": 3, "objective": [1]}, "objective is"),
    ],
    ids=str,
)
def test_choices_beyond_their_range_are_refused_when_made_and_when_read(choices, words):
    with pytest.raises(InvalidInput, match=words):
        Codec(**choices)
    with pytest.raises(CorruptData, match=words):
        Codec.from_dict(choices)


def test_as_many_levels_as_codes_can_name_are_encoded():
    x, many = np.linspace(0, 65535, 1000), np.arange(65536.0)
    for choices in ({"method": "uniform"}, {"method": "given", "levels": many}):
        codes = Codec(n_levels=65536, **choices).encode(x, seed=1)
        assert (codes.bits, codes.n_levels) == (16, 65536)


CORPUS = np.random.default_rng(9).standard_normal((60, 5)).astype(np.float32)


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"axis": 1}, (3, 5)),
        ({"axis": -1}, (2, 3, 5)),
        ({"axis": 0}, (60, 2)),
        ({"block": 2}, (60, 5)),
        ({}, (7,)),
        ({"method": "scaled", "block": 8}, (7, 3)),
        ({"method": "rotation"}, (70, 3)),
    ],
)
def test_a_codec_of_a_table_encodes_what_the_table_fits(objective, options, shape):
    table = levels(CORPUS, 4, objective=objective, **options)
    codec = Codec.of(table)
    assert Codec.from_dict(json.loads(json.dumps(codec.to_dict()))) == codec
    assert hash(codec) == hash(Codec.of(table))
    x = np.random.default_rng(10).standard_normal(shape).astype(np.float32)
    codes, direct = codec.encode(x, seed=3), encode(x, table.cover(x), seed=3)
    assert decode(codes).tolist() == decode(direct).tolist()
    assert codec.fit(x).squared_error == table.cover(x).squared_error


def test_a_codec_of_short_tables_keeps_them():
    table = levels([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]], 3, axis=0, objective="mse")
    codec = Codec.of(table)
    assert codec.levels == ((1.0,), (1.0, 2.0, 3.0))
    assert codec.decode(codec.encode([[5.0], [5.0]], seed=0)).tolist() == [[1.0], [3.0]]


def test_several_tables_of_a_codec_need_as_many_groups():
    codec = Codec.of(levels(CORPUS, 4, axis=1))
    with pytest.raises(InvalidInput, match=r"into 4 groups, but the codec has 5 tables"):
        codec.encode(CORPUS[:, :4], seed=0)
    with pytest.raises(InvalidInput, match="2 tables, but all values share one"):
        Codec(method="given", n_levels=2, levels=[[0.0, 1.0], [0.0, 2.0]])
    with pytest.raises(InvalidInput, match="2 tables, but all values share one"):
        Codec(method="scaled", n_levels=2, levels=[[0.0, 1.0], [0.0, 2.0]])
    with pytest.raises(InvalidInput, match="n_levels is 3, but 2 levels are given"):
        Codec(method="given", n_levels=3, axis=0, levels=[[0.0, 1.0], [0.0, 2.0]])
    with pytest.raises(InvalidInput, match="1-D"):
        Codec(method="given", n_levels=2, axis=0, levels=[[0.0, 1.0], 3.0])
