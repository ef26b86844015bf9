import itertools

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads import ranges

KEYS = ranges.uniform_keys(1000, seed=5)


def empty(keys, trace):
    return np.searchsorted(keys, trace["lo"]) == np.searchsorted(keys, trace["hi"], "right")


@pytest.mark.parametrize(
    "make", [ranges.uniform_keys, ranges.normal_keys, ranges.host_names], ids=lambda make: make.__name__
)
def test_keys_are_as_many_as_wanted_distinct_and_sorted_and_a_seed_names_them(make):
    keys = make(3000, seed=1)
    assert len(keys) == 3000
    assert (keys[1:] > keys[:-1]).all()
    np.testing.assert_array_equal(keys, make(3000, seed=1))
    assert not np.array_equal(keys, make(3000, seed=2))


def test_uniform_keys_fill_all_of_64_bits():
    keys = ranges.uniform_keys(20_000, seed=0)
    for bit in range(64):
        share = (keys >> np.uint64(bit) & np.uint64(1)).mean()
        assert abs(share - 0.5) < 0.02


def test_normal_keys_have_the_mean_and_deviation_that_they_promise():
    keys = ranges.normal_keys(50_000, seed=0)
    z = (keys.astype(float) - 2.0**63) / (0.01 * 2.0**64)
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02


def test_the_low_bits_of_normal_keys_are_drawn_on_demand_only():
    low = np.uint64(1023)
    assert not (ranges.normal_keys(2000, seed=0, low_bits=False) & low).any()
    assert len(np.unique(ranges.normal_keys(2000, seed=0) & low)) > 800


@pytest.mark.parametrize("kind", ranges.KINDS)
@pytest.mark.parametrize("longest", [1, 2, 32])
def test_queries_hold_no_key_and_have_the_lengths_asked_for(kind, longest):
    trace = ranges.queries(KEYS, 2000, kind=kind, longest=longest, seed=3)
    assert (trace.kind, len(trace), trace["lo"].dtype) == ("ranges", 2000, np.uint64)
    assert empty(KEYS, trace).all()
    lengths = trace["hi"] - trace["lo"] + np.uint64(1)
    assert set(lengths.tolist()) == ({1} if longest == 1 else set(range(2, longest + 1)))


def test_correlated_queries_begin_just_behind_a_key_and_half_of_the_split_ones():
    behind = {}
    for kind in ranges.KINDS:
        lo = ranges.queries(KEYS, 4000, kind=kind, distance=100, seed=0)["lo"]
        key = KEYS[np.maximum(np.searchsorted(KEYS, lo), 1) - 1]
        behind[kind] = ((lo > key) & (lo - key <= np.uint64(100))).mean()
    assert behind["correlated"] == 1
    assert behind["uniform"] == 0
    assert abs(behind["split"] - 0.5) < 0.04


@pytest.mark.parametrize("hits", [0.0, 0.5, 0.9, 1.0])
def test_the_share_of_hits_is_as_asked_for(hits):
    trace = ranges.queries(KEYS, 5000, kind="correlated", hits=hits, seed=1)
    assert abs((~empty(KEYS, trace)).mean() - hits) < 0.03
    assert (trace["lo"] <= trace["hi"]).all()


def test_queries_as_they_are_drawn_hold_keys_as_often_as_chance_has_it():
    keys = np.arange(0, 10_000, 10, dtype=np.uint64)
    trace = ranges.queries(keys, 5000, kind="correlated", longest=12, distance=4, hits=None, seed=0)
    assert 0.05 < (~empty(keys, trace)).mean() < 0.95


@pytest.mark.parametrize("hits", [0.0, 0.4, None])
def test_more_queries_begin_with_the_same_ones(hits):
    few, many = (ranges.queries(KEYS, n, kind="split", hits=hits, seed=9) for n in (300, 7000))
    np.testing.assert_array_equal(few["lo"], many["lo"][:300])
    np.testing.assert_array_equal(few["hi"], many["hi"][:300])


def test_ranges_stay_inside_64_bits_at_both_ends():
    keys = np.array([0, 2**64 - 1], np.uint64)
    for hits in (0.0, 1.0):
        trace = ranges.queries(keys, 500, kind="split", longest=2**40, hits=hits, seed=0)
        assert (trace["lo"] <= trace["hi"]).all()
        assert empty(keys, trace).all() == (hits == 0)


def test_keys_without_room_between_them_are_refused():
    with pytest.raises(InvalidInput, match=r"ranges of up to 32 values held no key.*take a smaller longest"):
        ranges.queries(np.arange(2000, dtype=np.uint64), 1000, kind="correlated", distance=4, seed=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 1.5}, r"n is 1\.5, but must be a whole number"),
        ({"kind": "zipf"}, "kind is 'zipf', but must be one of uniform, correlated, split"),
        ({"longest": 0}, "longest 0"),
        ({"longest": 2**53}, "longest 9007199254740992"),
        ({"distance": 0}, "distance 0"),
        ({"hits": 1.5}, r"hits is 1\.5"),
        ({"hits": float("nan")}, "hits is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"keys": KEYS[::-1]}, "keys are uint64 of shape .1000,., but must be uint64, sorted and distinct"),
        ({"keys": KEYS.astype(np.int64)}, "keys are int64"),
        ({"keys": KEYS[:0]}, "keys are uint64 of shape .0,."),
    ],
)
def test_no_queries_are_made_of_arguments_out_of_range(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        ranges.queries(**{"keys": KEYS, "n": 10, "seed": 0, **arguments})


@pytest.mark.parametrize("make", [ranges.uniform_keys, ranges.normal_keys, ranges.host_names])
def test_no_keys_are_made_of_arguments_out_of_range(make):
    with pytest.raises(InvalidInput, match="n is 0, but must be at least 1"):
        make(0, seed=0)
    with pytest.raises(InvalidInput, match="seed is -1"):
        make(1, seed=-1)


def test_host_names_are_unequal_in_length_and_share_beginnings():
    names = ranges.host_names(5000, seed=0).tolist()
    assert len({len(name) for name in names}) > 5
    shared = [
        next((place for place in range(len(a)) if a[: place + 1] != b[: place + 1]), len(a))
        for a, b in itertools.pairwise(names)
    ]
    assert np.median(shared) >= 6


@pytest.fixture
def code(tmp_path):
    (tmp_path / "b.py").write_text("class A:\n    def f(self): pass\n\ndef f(): pass\nasync def g(): pass\n# def h\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "__init__.py").write_text("def f(): pass\ndefault = 1\n")
    (tmp_path / "a" / "z.py").write_text("def \xf8l(): pass\n", encoding="utf-8")
    (tmp_path / "latin.py").write_bytes(b"# \xf8\ndef lost(): pass\n")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "c.py").write_text("def foreign(): pass\n")
    return tmp_path


def test_names_are_those_that_lines_define(code):
    assert ranges.stdlib_names(code).tolist() == [b"a.f", b"b.A", b"b.f", b"test.c.foreign"]


def test_the_standard_library_is_read_without_its_tests_and_what_is_installed_beside_it(code, monkeypatch):
    (code / "site-packages").mkdir()
    (code / "site-packages" / "new.py").write_text("def foreign(): pass")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(code))
    assert ranges.stdlib_names().tolist() == [b"a.f", b"b.A", b"b.f"]


def test_a_folder_without_definitions_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no Python code with definitions below"):
        ranges.stdlib_names(tmp_path)


def test_queries_for_names_stay_in_one_module():
    names = np.array([b"a.b.one", b"a.b.two", b"c.three"])
    trace = ranges.name_queries(names, 200, seed=0)
    assert (trace["lo"] <= trace["hi"]).all()
    for lo, hi in zip(trace["lo"].tolist(), trace["hi"].tolist(), strict=True):
        assert lo[:-2] == hi[:-2]
        assert lo[:-2] in (b"a.b.", b"c.")
    with pytest.raises(InvalidInput, match="n is 0 and there are 3 names"):
        ranges.name_queries(names, 0, seed=0)
