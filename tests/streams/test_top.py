import sys

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.streams import SpaceSaving, TopRow


def counted(stream, capacity=100, **options):
    summary = SpaceSaving(capacity=capacity, **options)
    summary.update(stream)
    return summary


def test_rows_come_in_the_order_of_estimates_then_lower_bounds_then_keys():
    top = counted([5, 3, 3, 9, 9, 1]).top(10)
    assert top.keys.tolist() == [3, 9, 1, 5]
    assert list(top) == top.to_list() == [TopRow(3, 2, 2, 2, True), TopRow(9, 2, 2, 2, True),
                                          TopRow(1, 1, 1, 1, True), TopRow(5, 1, 1, 1, True)]  # fmt: skip
    assert len(top) == 4
    assert top.complete


@pytest.mark.parametrize("policy", ["exact", "assoc", "filtered", "gated"])
@pytest.mark.parametrize("k", [1, 5, 20, 64])
def test_guaranteed_keys_are_among_the_heaviest_and_complete_tops_are_the_heaviest(policy, k):
    stream = np.random.default_rng(k).zipf(1.4, 30_000)
    keys, true = np.unique(stream, return_counts=True)
    weight = dict(zip(keys.tolist(), true.tolist(), strict=True))
    top = counted(stream, 64, policy=policy).top(k)
    outside = max(weight[key] for key in set(weight) - {row.key for row in top})
    for row in top:
        assert row.lower <= weight[row.key] <= row.upper
        assert not row.guaranteed or weight[row.key] >= outside
    assert k > 5 or top.guaranteed.any()
    assert not top.complete or min(weight[row.key] for row in top) >= outside
    assert k == 64 or top.complete == top.guaranteed.all()


@pytest.mark.parametrize("policy", ["exact", "assoc", "filtered", "gated"])
@pytest.mark.parametrize("phi", [0.0005, 0.003, 0.02, 0.2])
def test_heavy_hitters_miss_nothing_or_add_nothing(policy, phi):
    stream = np.random.default_rng(3).zipf(1.4, 30_000)
    keys, true = np.unique(stream, return_counts=True)
    heavy = set(keys[true > phi * len(stream)].tolist())
    summary = counted(stream, 64, policy=policy)
    some = summary.heavy_hitters(phi)
    sure = summary.heavy_hitters(phi, guarantee="no_false_positives")
    assert set(sure.keys.tolist()) <= heavy
    assert not some.complete or heavy <= set(some.keys.tolist())
    assert not sure.complete or heavy == set(sure.keys.tolist())
    assert {row.key for row in some if row.guaranteed} == set(sure.keys.tolist())
    assert phi < 0.02 or some.complete


def test_heavy_means_heavier_than_a_share_of_what_is_left():
    summary = counted([1] * 6 + [2] * 3 + [3], deletions=True)
    assert summary.heavy_hitters(0.3).keys.tolist() == [1]
    summary.delete([1, 1, 1, 1, 1, 1])
    assert summary.heavy_hitters(0.3).keys.tolist() == [2]


def test_strings_come_back_as_they_were_and_ids_where_no_labels_are_kept():
    words = ["b", "a\nc", "b", "é", ""]
    assert set(counted(words).top(4).keys) == set(words)
    assert set(counted([word.encode() for word in words]).top(4).keys) == {word.encode() for word in words}
    ids = counted(words, labels=False).top(4).keys
    assert ids.dtype == np.uint64
    assert len(set(ids.tolist())) == 4
    assert counted(np.array([-3, -3, 7])).top(2).keys.tolist() == [-3, 7]


def test_it_prints_as_a_table():
    shown = str(counted(["a\nb"] * 12 + ["c"]).top(5)).splitlines()
    assert shown == [
        "key     estimate  lower  upper  guaranteed",
        "'a\\nb'        12     12     12  yes",
        "c              1      1      1  yes",
    ]
    assert str(counted(list(range(30))).top(30)).splitlines()[-1] == "... and 10 more"


def test_keys_that_are_empty_or_end_in_blanks_are_quoted():
    shown = str(counted(["", "", "", " a", " a", "b c"]).top(3)).splitlines()
    assert [line[:5].rstrip() for line in shown] == ["key", "''", "' a'", "b c"]


@pytest.mark.parametrize("form", [int, str, lambda key: str(key).encode()], ids=["int", "str", "bytes"])
def test_rows_are_picked_as_from_a_list(form):
    top = counted([form(key) for key in [7, 7, 7, 8, 8, 9]]).top(3)
    rows = top.to_list()
    assert top[0] == rows[0] == TopRow(form(7), 3, 3, 3, True)
    assert type(top[0].lower) is int
    assert [top[-1], top[np.int64(1)]] == [rows[2], rows[1]]
    assert (top[:2], top[::-1]) == (rows[:2], rows[::-1])
    for place in (3, -4):
        with pytest.raises(IndexError):
            top[place]
    with pytest.raises(TypeError):
        top["a"]


def test_it_becomes_a_table_of_arrow():
    table = counted(["x", "y", "x"]).top(2).to_arrow()
    assert table.column_names == ["key", "estimate", "lower", "upper", "guaranteed"]
    assert table.to_pylist()[0] == {"key": "x", "estimate": 2.0, "lower": 2, "upper": 2, "guaranteed": True}


def test_without_pyarrow_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match="pip install pyarrow"):
        counted([1]).top(1).to_arrow()


def test_questions_that_break_a_rule_are_refused():
    summary = counted([1])
    with pytest.raises(InvalidInput, match="k is 0"):
        summary.top(0)
    with pytest.raises(InvalidInput, match=r"phi is 1\.5"):
        summary.heavy_hitters(1.5)
    with pytest.raises(InvalidInput, match="guarantee is 'some'"):
        summary.heavy_hitters(0.5, guarantee="some")
