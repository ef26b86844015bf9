import datetime as dt
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from beforehand.core.errors import MissingDependency, StaleData
from beforehand.integrations.parquet import RangeIndex, scan_parquet_ranges
from beforehand.integrations.parquet.predicates import may_match

N = 1000
FRAME = pl.DataFrame(
    {
        "x": np.random.default_rng(1).integers(-(2**62), 2**62, N),
        "u": np.random.default_rng(2).integers(0, 2**63, N).astype(np.uint64) * 2,
        "f": np.random.default_rng(3).normal(size=N),
        "d": [Decimal(i * 37 % N) / 4 for i in range(N)],
        "t": [dt.datetime(2024, 1, 1) + dt.timedelta(minutes=i * 37 % N) for i in range(N)],
        "s": [f"w{i * 37 % N:04d}" for i in range(N)],
        "day": [dt.date(2020, 1, 1) + dt.timedelta(days=i * 37 % N * 2) for i in range(N)],
        "plain": range(N),
    },
    schema_overrides={"d": pl.Decimal(12, 2)},
)
INDEXED = ["x", "u", "f", "d", "t", "s", "day"]
x, s = pl.col("x"), pl.col("s")
X = sorted(FRAME["x"].to_list())
NARROW = x.is_between(X[500] - 9, X[500] + 9)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("scanned") / "a.parquet"
    FRAME.write_parquet(path, row_group_size=100)
    return path


@pytest.fixture(scope="module")
def index(path):
    return RangeIndex.build(path, columns=INDEXED, bits_per_key=20)


UNDERSTOOD = {
    "between": NARROW,
    "half open": x.is_between(X[500], X[501], closed="left"),
    "two comparisons": (x >= X[500]) & (x < X[501]),
    "from the other side": (X[500] <= x) & (X[501] > x),
    "equal": x == X[7],
    "is_in": x.is_in([X[3], X[900], 5]),
    "or": (x == X[3]) | NARROW,
    "or of two columns": (x == X[3]) | (s == "w0500"),
    "and of two columns": NARROW & (s >= "w0500"),
    "with what is not indexed": NARROW & (pl.col("plain") % 2 == 0),
    "nothing": (x > 5) & (x < 3),
    "integers beyond int64": pl.col("u").is_between(2**63 + 2**62, 2**63 + 2**62 + 2**50),
    "float": pl.col("f").is_between(1.0, 1.0001),
    "decimal": pl.col("d").is_between(Decimal("10.25"), Decimal("10.5")),
    "time": pl.col("t") == dt.datetime(2024, 1, 1, 5),
    "moment of a date": pl.col("day") == dt.datetime(2024, 6, 1),
    "text": s.is_between(pl.lit("w0500"), pl.lit("w0501")),
    "negated": ~(x < X[998]) & ~(x > X[999]),
}
OTHER = {
    "one bound": x > X[990],
    "not equal": x != X[7],
    "null": x.is_null(),
    "arithmetic": x + 1 == X[7] + 1,
    "a float for integers": x >= 2.5,
    "another column": x > pl.col("plain"),
    "or with what is not indexed": NARROW | (pl.col("plain") == 3),
    "nan": pl.col("f").is_between(float("nan"), 1),
    "infinite": pl.col("f") < float("inf"),
    "beyond the type": x < 2**70,
    "many points": x.is_in(X[:2] * 600),
    "crossed": x.is_between(5, 3),
    "no literal": x.is_between(pl.col("plain") - 2**40, 2**40),
    "a decimal for text": s.str.len_chars() == 5,
    "a function": x.abs() < 2**50,
}


def kept(index, predicate):
    mask = may_match(predicate, index.groups())
    return None if mask is None else int(mask.sum())


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_predicate_leaves_out_row_groups_and_no_row(index, path, name):
    predicate = UNDERSTOOD[name]
    scanned = scan_parquet_ranges(index).filter(predicate)
    assert scanned.collect().equals(pl.scan_parquet(path).filter(predicate).collect())


@pytest.mark.parametrize("name", OTHER)
def test_any_other_expression_reads_what_it_must(index, path, name):
    predicate = OTHER[name]
    assert (
        scan_parquet_ranges(index).filter(predicate).collect().equals(pl.scan_parquet(path).filter(predicate).collect())
    )


def test_narrow_predicates_leave_out_most_and_unknown_ones_nothing(index, monkeypatch):
    masks = []

    def watched(predicate, columns):
        masks.append(may_match(predicate, columns))
        return masks[-1]

    monkeypatch.setattr("beforehand.integrations.parquet.polars_source.may_match", watched)
    for predicate in UNDERSTOOD.values():
        scan_parquet_ranges(index).filter(predicate).collect()
    assert all(mask is not None and mask.sum() <= 4 for mask in masks)
    masks.clear()
    for name in ("arithmetic", "another column", "null", "a float for integers", "no literal"):
        scan_parquet_ranges(index).filter(OTHER[name]).collect()
    assert masks == [None] * 5


def test_columns_and_first_rows_are_those_of_polars(index, path):
    for make in (
        lambda lazy: lazy.select("s").filter(s > "w0990"),
        lambda lazy: lazy.filter(NARROW).select("plain", "s"),
        lambda lazy: lazy.head(7),
        lambda lazy: lazy.head(300).filter(NARROW),
        lambda lazy: lazy.filter(x > 0).head(5),
        lambda lazy: lazy.filter(NARROW).group_by("s").agg(pl.len()),
        lambda lazy: lazy.select(pl.len()),
        lambda lazy: lazy,
    ):
        assert make(scan_parquet_ranges(index)).collect().equals(make(pl.scan_parquet(path)).collect())
    assert scan_parquet_ranges(index).collect_schema() == pl.scan_parquet(path).collect_schema()


def test_the_streaming_engine_finds_the_same(index, path):
    found = scan_parquet_ranges(index).filter(NARROW).collect(engine="streaming")
    assert found.equals(pl.scan_parquet(path).filter(NARROW).collect())


def test_several_files_come_in_order_and_new_ones_are_read_too(tmp_path):
    for place in range(3):
        FRAME.slice(place * 300, 300).write_parquet(tmp_path / f"{place}.parquet", row_group_size=50)
    index = RangeIndex.build(tmp_path, columns=["x"])
    FRAME.slice(900).write_parquet(tmp_path / "9.parquet")
    for predicate in (NARROW, x > X[900], x.is_in(X[::250])):
        found = scan_parquet_ranges(index).filter(predicate).collect()
        assert found.equals(FRAME.filter(predicate))


def test_a_stale_index_is_refused_when_the_frame_is_collected(tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.write_parquet(path, row_group_size=100)
    lazy = scan_parquet_ranges(RangeIndex.build(path, columns=["x"])).filter(NARROW)
    FRAME.head(10).write_parquet(path)
    with pytest.raises((StaleData, pl.exceptions.ComputeError), match="written anew"):
        lazy.collect()


def test_categories_are_compared_by_polars_alone(tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.select(s.cast(pl.Enum(sorted(FRAME["s"].to_list(), reverse=True)))).write_parquet(path, row_group_size=100)
    index = RangeIndex.build(path, columns=["s"])
    for predicate in (s > "w0990", s == "w0500"):
        assert (
            scan_parquet_ranges(index)
            .filter(predicate)
            .collect()
            .equals(pl.scan_parquet(path).filter(predicate).collect())
        )


def test_an_expression_too_deep_to_follow_reads_everything(index, monkeypatch):
    tree = {}
    for _ in range(5000):
        tree = {"BinaryExpr": {"left": tree, "op": "Or", "right": {}}}
    monkeypatch.setattr("beforehand.integrations.parquet.predicates.json", SimpleNamespace(loads=lambda text: tree))
    assert may_match(NARROW, index.groups()) is None


def scans_alike(path, *predicates):
    for predicate in predicates:
        found = scan_parquet_ranges(path).filter(predicate).collect()
        assert found.equals(pl.scan_parquet(path).filter(predicate).collect())


@pytest.mark.parametrize("values", [("1", "x", "3"), ("1", "__HIVE_DEFAULT_PARTITION__", "3"), ("1", "2.5", "3")])
def test_partitions_are_of_the_same_type_in_each_file(tmp_path, values):
    for place, value in enumerate(values):
        (tmp_path / f"k={value}").mkdir()
        FRAME.slice(place * 300, 300).write_parquet(tmp_path / f"k={value}" / "a.parquet", row_group_size=100)
    index = RangeIndex.build(tmp_path, columns=["x"])
    whole = pl.scan_parquet(str(tmp_path / "**/*.parquet"), hive_partitioning=True)
    for predicate in (NARROW, x.is_in(X[::250]), NARROW & pl.col("k").is_not_null(), x > X[900]):
        found = scan_parquet_ranges(index).filter(predicate).collect()
        assert found.sort("x").equals(whole.filter(predicate).collect().sort("x"))


def test_nulls_that_match_a_null_are_found(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": [1, 2, None, 4, 5, 6]}).write_parquet(path, row_group_size=1)
    RangeIndex.build(path, columns=["x"]).save()
    scans_alike(path, *(x.is_in(points, nulls_equal=True) for points in ([5, None], [None], [5])), x.is_in([5, None]))


def test_a_dotted_name_and_a_member_are_not_taken_for_each_other(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a.b": [1, 2, 3], "a": [{"b": 10}, {"b": 20}, {"b": 30}]}).write_parquet(path, row_group_size=1)
    RangeIndex.build(path, columns=["a.b"]).save()
    scans_alike(path, pl.col("a").struct.field("b") == 20, pl.col("a.b") == 2)


def test_the_lowest_point_in_time_is_below_the_next(tmp_path):
    path = tmp_path / "a.parquet"
    moments = pl.Series("t", [-(2**63), 5, 7]).cast(pl.Duration("us"))
    moments.to_frame().write_parquet(path, row_group_size=1)
    RangeIndex.build(path, columns=["t"]).save()
    scans_alike(path, pl.col("t") < pl.lit(-(2**63) + 1).cast(pl.Duration("us")))


def test_without_the_interface_the_remedy_is_named(index, monkeypatch):
    monkeypatch.delattr("polars.io.plugins.register_io_source")
    with pytest.raises(MissingDependency, match=r"no polars\.io\.plugins\.register_io_source; take polars 1\.20"):
        scan_parquet_ranges(index)
