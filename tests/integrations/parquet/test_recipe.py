import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.recipe import plan_for, recipe_for, sample_of
from beforehand.ranges import KeyType, LocalityHash, Proteus, QueryRecorder, load, ranges_trace

INT, TEXT, TIME = (ColumnType.parse(name) for name in ("int64", "string", "timestamp[us]"))
KEYS = np.arange(0, 10_000, 7)


@dataclass
class Sample:
    queries: Any = (np.array([1, 2]), np.array([3, 4]))


@dataclass
class Planned:
    """What is taken of a plan."""

    key_type: KeyType = field(default_factory=lambda: KeyType("int64"))
    design: str = "locality-hash"
    bits_per_key: float = 20.0
    max_probes: int = 32
    worst_case: Any = None
    seed: int = 5
    why: str = "it saves nothing"
    area: str = "ranges"
    sample: Sample = field(default_factory=Sample)


def recipe(type_=INT, queries=None, plan=None, **options):
    return recipe_for("x", type_, queries, plan, options)


def test_without_a_word_it_is_proteus_at_twelve_bits_and_wants_queries():
    made = recipe()
    assert (made.filter, made.options["bits_per_key"], made.options["seed"]) == ("proteus", 12.0, 0)
    assert made.wants_queries
    assert not made.with_queries(([1], [2])).wants_queries
    built = load(made.with_queries(([1], [2])).build(KEYS))
    assert isinstance(built, Proteus)
    assert built.bits_per_key < 13


def test_a_filter_without_a_sample_wants_none():
    made = recipe(filter="locality-hash", seed=9)
    assert not made.wants_queries
    assert load(made.build(KEYS)) == LocalityHash.build(KEYS, bits_per_key=12, seed=9)


def test_arguments_stand_above_a_plan_and_a_plan_above_the_defaults():
    made = recipe(plan=Planned())
    assert (made.filter, made.options["bits_per_key"], made.options["seed"]) == ("locality-hash", 20.0, 5)
    assert made.queries[0].tolist() == [1, 2]
    made = recipe(plan=Planned(), queries=([7], [8]), filter="proteus", seed=1)
    assert (made.filter, made.options["bits_per_key"], made.options["seed"]) == ("proteus", 20.0, 1)
    assert made.options["max_probes"] == 32
    assert made.queries == ([7], [8])
    assert recipe(type_=TIME, plan=Planned()).filter == "proteus"


def test_a_plan_that_says_dont_bother_is_believed_unless_a_filter_is_named():
    with pytest.raises(InvalidInput, match=r"don't bother for column x: it saves nothing; pass filter= to build"):
        recipe(plan=Planned(design="none"))
    assert recipe(plan=Planned(design="none"), filter="proteus").filter == "proteus"


def test_a_plan_serves_columns_of_its_keys_and_text_as_str():
    types = {"n": INT, "t": TEXT}
    assert plan_for(Planned(), types) == Planned()
    words = Planned(key_type=KeyType("str"), sample=Sample((["a", "ü"], ["b", "z"])))
    assert plan_for(words, types) == words
    assert recipe(type_=TEXT, plan=words).queries == ([b"a", "ü".encode()], [b"b", b"z"])
    with pytest.raises(InvalidInput, match=r"plan is for keys of datetime64\[us\], but of the columns n .int64., t"):
        plan_for(Planned(key_type=KeyType("datetime64", "us")), types)
    with pytest.raises(InvalidInput, match="plan is int, but must be one of ranges"):
        plan_for(5, types)
    with pytest.raises(InvalidInput, match="plan is Planned, but must be one of ranges"):
        plan_for(Planned(area="streams"), types)


def test_the_environment_names_a_plan_where_none_is_given(monkeypatch, caplog):
    monkeypatch.setenv("BEFOREHAND_PLAN", "p.json")
    monkeypatch.setattr("beforehand.integrations.parquet.recipe.load_plan", lambda path: Planned(seed=8))
    assert plan_for(None, {"n": INT}).seed == 8
    assert plan_for(Planned(), {"n": INT}).seed == 5
    with pytest.raises(InvalidInput, match=r"BEFOREHAND_PLAN names p\.json, which is for keys of int64, but"):
        plan_for(None, {"t": TEXT})
    monkeypatch.setattr("beforehand.integrations.parquet.recipe.load_plan", lambda path: Planned(area="streams"))
    with caplog.at_level(logging.INFO, "beforehand"):
        assert plan_for(None, {"n": INT}) is None
    assert caplog.messages == ["p.json is a plan of streams, and none for ranges: left alone"]
    monkeypatch.setenv("BEFOREHAND_PLAN", "")
    assert plan_for(None, {"n": INT}) is None


def test_a_sample_may_be_arrays_a_trace_or_a_recorder():
    lo, hi = np.array([1, 5]), np.array([2, 9])
    recorder = QueryRecorder()
    recorder.record(lo, hi)
    for queries in ((lo, hi), ranges_trace(lo, hi), recorder, (lo.tolist(), hi.tolist())):
        found = sample_of(queries, INT, "queries")
        assert [list(map(int, each)) for each in found] == [[1, 5], [2, 9]]
    assert sample_of((np.array([b"a"]), np.array([b"b"])), ColumnType.parse("binary"), "queries") == ([b"a"], [b"b"])
    assert sample_of((np.array(["a"]), np.array(["b"])), TEXT, "queries") == ([b"a"], [b"b"])
    with pytest.raises(InvalidInput, match=r"lo\[1\] of queries is 'x', but the column holds int64"):
        sample_of(([1, "x"], [2, 3]), INT, "queries")


def test_an_unknown_filter_is_named():
    with pytest.raises(InvalidInput, match="filter is 'cuckoo', but must be one of proteus, prefix-bloom"):
        recipe(filter="cuckoo")
