import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from tests.traces import traces


def requests():
    return Trace(
        "requests",
        {"arrival": [0.5, 1.5, 2.5], "tenant": ["a", "b", "a"]},
        children={"calls": ([0, 2, 2, 3], {"seconds": [1.0, 2.0, 3.0]})},
        meta={"source": {"hour": 7}},
    )


def test_columns_children_kind_and_meta_come_back_as_given():
    trace = requests()
    assert (trace.kind, len(trace), trace.meta) == ("requests", 3, {"source": {"hour": 7}})
    assert trace["arrival"].tolist() == [0.5, 1.5, 2.5]
    assert trace.children["calls"]["seconds"].tolist() == [1.0, 2.0, 3.0]
    assert trace.children["calls"].offsets.tolist() == [0, 2, 2, 3]
    assert len(trace.children["calls"]) == 3
    assert repr(trace) == "Trace('requests', 3 rows of arrival, tenant, calls)"


def test_nothing_changes_a_trace():
    mine = np.array([1.0, 2.0])
    trace = Trace("jobs", {"size": mine}, meta={"a": [1]})
    before = trace.fingerprint
    mine[0] = 9.0
    trace.meta["a"].append(2)
    with pytest.raises(ValueError, match="read-only"):
        trace["size"][0] = 9.0
    calls = requests().children["calls"]
    for array in (calls.offsets, calls["seconds"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
    with pytest.raises(AttributeError, match="immutable"):
        trace.kind = "stream"
    with pytest.raises(TypeError):
        trace.columns["size"] = mine
    assert trace.fingerprint == before
    assert mine.flags.writeable


def test_fingerprint_sees_every_part_but_not_the_order_of_columns():
    base = {"a": [1, 2], "b": [3, 4]}
    same = Trace("jobs", dict(reversed(base.items()))).fingerprint
    assert Trace("jobs", base).fingerprint == same
    there, back = (Trace("jobs", base, meta=dict(pairs)) for pairs in ([("x", 1), ("a", 2)], [("a", 2), ("x", 1)]))
    assert there.fingerprint == back.fingerprint
    others = [
        Trace("stream", base),
        Trace("jobs", base, meta={"x": 1}),
        Trace("jobs", {"a": [1, 2], "b": [3, 5]}),
        Trace("jobs", {"a": [1, 2], "c": [3, 4]}),
        Trace("jobs", {"a": [1.0, 2.0], "b": [3, 4]}),
        Trace("jobs", base, children={"c": ([0, 1, 1], {"x": [1]})}),
        Trace("jobs", base, children={"c": ([0, 0, 1], {"x": [1]})}),
    ]
    assert len({same, *(other.fingerprint for other in others)}) == 1 + len(others)


def test_strings_of_any_storage_width_have_one_fingerprint():
    for narrow, wide in [(np.array(["a", "bc"]), "U40"), (np.array([b"a", b"bc"]), "S40")]:
        assert Trace("jobs", {"a": narrow}).fingerprint == Trace("jobs", {"a": narrow.astype(wide)}).fingerprint


def test_big_endian_columns_are_read_by_value():
    assert Trace("jobs", {"a": np.array([1, 2], dtype=">i4")})["a"].tolist() == [1, 2]


@given(traces(min_rows=2), st.floats(0.01, 0.99), st.sampled_from(["time", "hash"]), st.integers(0, 2**64 - 1))
def test_split_gives_every_row_with_its_children_to_exactly_one_side(trace, fraction, by, seed):
    pairs = {name: (child.offsets, child.columns) for name, child in trace.children.items()}
    numbered = Trace("t", {"no": np.arange(len(trace)), **trace.columns}, children=pairs, meta={"place": "here"})
    sample, holdout = numbered.split(fraction, by=by, seed=seed)
    assert sample.fingerprint == numbered.split(fraction, by=by, seed=seed)[0].fingerprint
    assert len(sample) == min(max(round(fraction * len(trace)), 1), len(trace) - 1)
    assert sorted([*sample["no"], *holdout["no"]]) == list(range(len(trace)))
    if by == "time":
        assert sample["no"].tolist() == list(range(len(sample)))
    for part in (sample, holdout):
        assert (part.kind, part.meta) == ("t", {"place": "here"})
        assert (np.diff(part["no"]) > 0).all()
        for here, row in enumerate(part["no"]):
            for name, column in trace.columns.items():
                np.testing.assert_array_equal(part[name][here], column[row])
            for name, child in trace.children.items():
                old, new = child.offsets[row : row + 2], part.children[name].offsets[here : here + 2]
                for key, column in child.columns.items():
                    np.testing.assert_array_equal(part.children[name][key][slice(*new)], column[slice(*old)])


def splitmix64(state):
    z = state % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@given(st.integers(0, 2**64 - 1))
def test_split_by_hash_takes_the_rows_of_the_smallest_hashes(seed):
    trace = Trace("stream", {"key": np.arange(12)})
    hashes = [splitmix64(seed + (row + 1) * 0x9E3779B97F4A7C15) for row in range(12)]
    assert trace.split(0.5, by="hash")[0].fingerprint == trace.split(0.5, by="hash", seed=0)[0].fingerprint
    drawn = trace.split(0.5, by="hash", seed=seed)[0]["key"].tolist()
    assert drawn == sorted(sorted(range(12), key=hashes.__getitem__)[:6])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": ""}, "kind is ''"),
        ({"columns": {}}, "there are none"),
        ({"columns": {"a": [1], "b": [1, 2]}}, "a has 1, b has 2"),
        ({"columns": {"a": [[1], [1, 2]]}}, "column a is not an array"),
        ({"columns": {"a": [object()]}}, "column a has dtype object"),
        ({"columns": {"a": [1j]}}, "column a has dtype complex128"),
        ({"columns": {"a": np.array(["2020-01-01"], dtype="M8[D]")}}, "column a has dtype datetime64"),
        ({"columns": {"a": 3}}, "column a has shape"),
        ({"columns": {"a": np.zeros((2, 0))}}, "column a has shape"),
        ({"columns": {"a": np.zeros((2, 2, 2))}}, "column a has shape"),
        ({"columns": {"a/b": [1]}}, "'a/b' cannot name a column"),
        ({"columns": {"": [1]}}, "'' cannot name a column"),
        ({"columns": {"a\n": [1]}}, "cannot name a column"),
        ({"meta": {"x": {1}}}, "meta cannot be written as JSON"),
        ({"meta": {"x": float("nan")}}, "meta cannot be written as JSON"),
        ({"children": {"a": ([0, 0], {"x": []})}}, "names of their own"),
        ({"children": {"c": ([0, 1, 1], {"x": [1]})}}, "c has 2"),
        ({"children": {"c": ([0, 1], {})}}, "child table c needs columns"),
        ({"children": {"c": ([0, 1], {"x": [1], "y": [1, 2]})}}, "child table c needs columns"),
        ({"children": {"c": ([0, 2], {"x": [1]})}}, "child table c needs columns"),
        ({"children": {"c": ([0.0, 1.0], {"x": [1]})}}, "integer offsets"),
        ({"children": {"c": ([], {"x": [1]})}}, "integer offsets"),
        ({"children": {"c": ([0, 1], {"x": [[1, 2]]})}}, "column x has shape"),
        ({"columns": {"a": [1, 2]}, "children": {"c": ([0, 3, 2], {"x": [1, 2]})}}, "offsets of child table c descend"),
    ],
)
def test_a_trace_that_breaks_a_rule_is_refused(change, words):
    with pytest.raises(InvalidInput, match=words):
        Trace(**{"kind": "jobs", "columns": {"a": [1]}, **change})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fraction": 0.0}, "fraction is 0.0"),
        ({"fraction": 1.0}, "fraction is 1.0"),
        ({"fraction": float("nan")}, "fraction is nan"),
        ({"fraction": 0.5, "by": "luck"}, "by is 'luck'"),
        ({"fraction": 0.5, "seed": -1}, "seed is -1"),
        ({"fraction": 0.5, "seed": 2**64}, "seed is"),
    ],
)
def test_a_split_that_breaks_a_rule_is_refused(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        Trace("jobs", {"a": [1, 2]}).split(**arguments)


def test_one_row_cannot_be_split():
    with pytest.raises(InvalidInput, match="1 rows, but a split needs at least 2"):
        Trace("jobs", {"a": [1]}).split(0.5)


def test_an_unknown_column_is_named_with_the_known_ones():
    with pytest.raises(InvalidInput, match="no column 'size' among arrival, tenant"):
        requests()["size"]
    with pytest.raises(InvalidInput, match="no column 'size' among seconds"):
        requests().children["calls"]["size"]


def test_a_missing_kind_is_a_clear_error_and_another_one_too(tmp_path):
    trace = Trace("jobs", {"size": [1.0]})
    trace.save(tmp_path / "t.csv")
    trace.save(tmp_path / "t.npz")
    with pytest.raises(InvalidInput, match=r"t\.csv does not say what its rows are; pass kind="):
        Trace.load(tmp_path / "t.csv")
    with pytest.raises(InvalidInput, match=r"kind is 'stream', but .*t\.npz holds 'jobs'"):
        Trace.load(tmp_path / "t.npz", kind="stream")
    loads = [Trace.load(tmp_path / "t.csv", kind="jobs"), Trace.load(tmp_path / "t.npz", kind="jobs")]
    assert {each.kind for each in (*loads, Trace.load(tmp_path / "t.npz"))} == {"jobs"}


def test_parts_of_a_split_by_time_take_no_memory_of_their_own():
    trace = Trace("jobs", {"size": np.arange(5.0)}, children={"calls": ([0, 1, 1, 3, 4, 4], {"at": [0, 1, 2, 3]})})
    sample, later = trace.split(0.6)
    assert np.shares_memory(trace["size"], sample["size"])
    assert np.shares_memory(trace["size"], later["size"])
    assert later.children["calls"].offsets.tolist() == [0, 1, 1]
    assert later.children["calls"]["at"].tolist() == [3]
