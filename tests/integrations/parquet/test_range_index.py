import datetime as dt
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet import RangeIndex
from beforehand.integrations.parquet.engines import rows_by
from tests.integrations.parquet.around import expected, one_of
from tests.integrations.parquet.every_type import COLUMNS, MEMBER, N, values_of, with_nulls


def written(path, column, size=50):
    table = pa.table({"x": column, "row": np.arange(len(column))})
    pq.write_table(table, path, row_group_size=size)
    return table


def brute_force(values, lo, hi, closed):
    """Rows in the range, by Python's own comparisons."""
    return [
        row
        for row, value in enumerate(values)
        if value is not None
        and (lo is None or value >= lo)
        and (hi is None or (value < hi if closed == "left" else value <= hi))
    ]


def ranges_of(values):
    """Points, short and long ranges, empty ones and open ends."""
    middle, last = len(values) // 2, len(values) - 1
    yield values[middle], values[middle]
    yield values[3], values[5]
    yield values[middle], values[middle + 1]
    yield values[0], values[last]
    yield None, values[2]
    yield values[last - 2], None
    yield None, None


def rows(table):
    return table["row"].to_pylist()


@pytest.mark.parametrize("name", COLUMNS)
def test_pruned_rows_are_those_of_a_full_scan_for_every_type(name, tmp_path):
    path, column = tmp_path / "a.parquet", with_nulls(COLUMNS[name])
    written(path, column)
    member = MEMBER.get(name, "x")
    index = RangeIndex.build(path, columns=[member])
    plain = column.to_pylist()
    if name in MEMBER:
        plain = [None if each is None else each["number"] for each in plain]
    for lo, hi in ranges_of(values_of(name)):
        for closed in ("both", "left"):
            expected = brute_force(plain, lo, hi, closed)
            if lo is None and hi is None:
                expected = list(range(N))
            assert rows(index.to_table(member, lo, hi, closed=closed, columns=["row"])) == expected
            kept = index.prune(member, lo, hi, closed=closed)
            assert {row // 50 for row in expected} <= set(kept.get("a.parquet", []))
            found = rows(index.dataset(member, lo, hi, closed=closed).to_table(columns=["row"]))
            assert set(expected) <= set(found)
            assert len(found) == sum(50 for _ in kept.get("a.parquet", []))


def test_a_folder_is_indexed_with_all_files_below_and_most_row_groups_are_left_out(folder, numbers):
    index = RangeIndex.build(folder, columns=["x", "y"], bits_per_key=16)
    left = 0
    for place in range(0, 6000, 97):
        lo, hi = one_of(numbers, place)
        assert index.to_table("x", lo, hi) == expected(numbers, lo, hi)
        left += sum(map(len, index.prune("x", lo, hi).values()))
        assert place // 2000 in index.to_table("y", lo / 7 - 1, hi / 7 + 1)["file"].to_pylist()
    assert left < 2 * len(range(0, 6000, 97))  # of 60 row groups one holds a match, and another is rare


def test_what_is_kept_is_named_by_file_and_files_without_a_match_are_not(folder, numbers):
    index = RangeIndex.build(folder, columns=["x"], bits_per_key=20)
    lo, hi = one_of(numbers, 2345)
    assert index.prune("x", lo, hi) == {"b/c.parquet": [3]}
    assert index.files("x", lo, hi) == [str(folder / "b/c.parquet")]
    assert index.columns == ("x",)
    assert repr(index) == f"RangeIndex(3 files, x, {index.nbytes:,} bytes)"


def test_a_moved_folder_takes_its_index_along(folder, numbers, tmp_path):
    place = RangeIndex.build(folder, columns=["x"]).save()
    assert place == folder / "_ranges.bhri"
    folder.rename(tmp_path / "elsewhere")
    lo, hi = one_of(numbers)
    for path in (tmp_path / "elsewhere", tmp_path / "elsewhere" / "_ranges.bhri"):
        assert RangeIndex.load(path).to_table("x", lo, hi) == expected(numbers, lo, hi)


def test_an_index_never_replaces_what_is_no_index(folder, numbers):
    index = RangeIndex.build(folder / "a.parquet", columns=["x"])
    held = (folder / "a.parquet").read_bytes()
    with pytest.raises(InvalidInput, match=r"a\.parquet exists and is no index of ranges; take another name"):
        index.save(folder / "a.parquet")
    assert (folder / "a.parquet").read_bytes() == held
    (folder / "empty").touch()
    for _ in range(2):
        assert RangeIndex.load(index.save(folder / "empty")).columns == ("x",)


def test_columns_of_one_name_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], ["x", "x", "y"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InvalidInput, match=r"has several columns 'x', which nobody can tell apart; rename them"):
        RangeIndex.build(tmp_path, columns=["x"])
    assert RangeIndex.build(tmp_path, columns=["y"]).prune("y", 3, 3) == {"a.parquet": [0]}


def test_a_column_that_folders_name_too_is_refused(tmp_path):
    (tmp_path / "x=5").mkdir()
    pq.write_table(pa.table({"x": [9], "xy": [1]}), tmp_path / "x=5" / "a.parquet")
    with pytest.raises(InvalidInput, match="column x is also said by the folder x=5, whose value readers take instead"):
        RangeIndex.build(tmp_path, columns=["x"])
    assert RangeIndex.build(tmp_path, columns=["xy"]).prune("xy", 1, 1) == {"x=5/a.parquet": [0]}


def test_files_that_have_come_and_cannot_be_read_with_the_rest_are_an_error_of_ours(folder, numbers):
    index = RangeIndex.build(folder, columns=["x"])
    pq.write_table(pa.table({"x": ["text"]}), folder / "new.parquet")
    for engine, words in (("pyarrow", "pyarrow cannot"), ("duckdb", "DuckDB cannot"), ("polars", "polars cannot")):
        with pytest.raises(InvalidInput, match=f"{words} read the files: .*check that they are whole and alike"):
            rows_by(engine, index, "x", *one_of(numbers))
    (folder / "new.parquet").write_bytes(b"no file")
    with pytest.raises(InvalidInput, match=r"pyarrow cannot read the files: .*new\.parquet"):
        index.to_table("x", *one_of(numbers))


def test_duckdb_is_told_of_no_column_without_a_name(tmp_path):
    pq.write_table(pa.table({"": [1, 2]}), tmp_path / "a.parquet")
    index = RangeIndex.build(tmp_path, columns=[""])
    assert rows_by("polars", index, "", 1, 1).num_rows == 1
    with pytest.raises(InvalidInput, match="DuckDB has no columns without a name; take pyarrow or polars"):
        rows_by("duckdb", index, "", 1, 1)


def test_an_index_lies_where_those_who_read_the_folder_pass_it_over(folder, numbers):
    for source in (folder, folder / "a.parquet"):
        assert RangeIndex.build(source, columns=["x"]).save().name.startswith("_")
    assert ds.dataset(folder, format="parquet").count_rows() == 6000
    assert pq.read_table(folder).num_rows == 6000


def test_an_index_may_lie_above_its_files_but_nowhere_else(folder, numbers, tmp_path):
    index = RangeIndex.build(folder / "b" / "c.parquet", columns=["x"])
    lo, hi = one_of(numbers, 2345)
    assert RangeIndex.load(index.save(tmp_path / "i.bhri")).prune("x", lo, hi) == {"data/b/c.parquet": [3]}
    assert RangeIndex.load(index.save()).prune("x", lo, hi) == {"c.parquet": [3]}
    with pytest.raises(InvalidInput, match=r"x\.bhri is not in .*data/b or above it.*save it as .*/_c\.parquet\.bhri"):
        index.save(folder / "elsewhere" / "x.bhri")


def test_the_index_of_a_file_is_found_whatever_the_file_is_called(folder, numbers, tmp_path):
    odd = (folder / "a.parquet").rename(tmp_path / "table.pq")
    index = RangeIndex.build(odd, columns=["x"])
    lo, hi = one_of(numbers)
    index.save()
    assert RangeIndex.load(odd).to_table("x", lo, hi) == expected(numbers, lo, hi)
    index.save(tmp_path / "mine.index")
    assert RangeIndex.load(tmp_path / "mine.index").to_table("x", lo, hi) == expected(numbers, lo, hi)


def test_no_row_group_left_is_no_row_not_all(folder):
    index = RangeIndex.build(folder, columns=["x"])
    assert index.prune("x", 2**50, 2**50 + 5) == {}
    dataset = index.dataset("x", 2**50, 2**50 + 5)
    assert dataset.to_table().num_rows == 0
    assert dataset.schema.names == ["x", "y", "file"]
    assert index.files("x", 2**50, 2**50 + 5) == []
    assert index.to_table("x", 2**50, None).num_rows == 0


def test_nulls_match_no_range_and_row_groups_of_nulls_have_no_filter(tmp_path):
    path = tmp_path / "a.parquet"
    column = pa.array([None] * 50 + [1, None] * 25 + [None] * 30, pa.int64())
    written(path, column)
    index = RangeIndex.build(path, columns=["x"])
    assert index.prune("x", None, 5) == {"a.parquet": [1]}
    assert index.prune("x", -5, None) == {"a.parquet": [1]}
    assert index.prune("x") == {"a.parquet": [0, 1, 2]}
    assert "1 filters of" in index.explain()
    assert "2 row groups of nulls only" in index.explain()
    assert RangeIndex.load(index.save()).to_table("x", 0, 1).num_rows == 25


def test_an_empty_file_and_empty_row_groups_hold_nothing(tmp_path):
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, pa.schema({"x": pa.int64(), "row": pa.int64()})) as writer:
        for values in ([5, 6], [], [7]):
            writer.write_table(pa.table({"x": pa.array(values, pa.int64()), "row": pa.array(values, pa.int64())}))
    index = RangeIndex.build(path, columns=["x"])
    assert rows(index.to_table("x", 6, 9)) == [6, 7]
    written(tmp_path / "b.parquet", pa.array([], pa.string()))
    index = RangeIndex.load(RangeIndex.build(tmp_path / "b.parquet", columns=["x"]).save())
    assert index.prune("x", "a", "b") == {}
    assert index.to_table("x").num_rows == 0


def test_nan_is_kept_where_there_is_no_upper_bound_for_those_who_find_it_there(tmp_path):
    path = tmp_path / "a.parquet"
    column = pa.array([float("nan")] * 50 + [1.0, float("nan")] * 25 + [2.0] * 50)
    written(path, column)
    index = RangeIndex.build(path, columns=["x"])
    assert index.prune("x", 5.0, None) == {"a.parquet": [0, 1]}
    assert index.prune("x", 5.0, float("inf")) == {}
    assert index.prune("x", None, 1.5) == {"a.parquet": [1]}
    assert index.prune("x", 1.5, 2.5) == {"a.parquet": [2]}
    assert "2 row groups with NaN, kept where there is no upper bound" in index.explain()


def test_zeros_of_both_signs_are_one_value_and_infinities_are_values(tmp_path):
    path = tmp_path / "a.parquet"
    written(path, pa.array([-0.0] * 50 + [0.0] * 50 + [float("inf")] * 50 + [-float("inf")] * 50))
    index = RangeIndex.build(path, columns=["x"])
    for zero in (0.0, -0.0, 0):
        assert index.prune("x", zero, zero) == {"a.parquet": [0, 1]}
    assert index.prune("x", 1e308, float("inf")) == {"a.parquet": [2]}
    assert index.prune("x", 1e308, float("inf"), closed="left") == {}
    assert index.prune("x", -float("inf"), -1e308) == {"a.parquet": [3]}


def test_columns_in_files_of_other_types_are_refused_but_not_other_widths(tmp_path):
    pq.write_table(pa.table({"x": pa.array([1], "int32")}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": pa.array([2], "int64")}), tmp_path / "b.parquet")
    assert RangeIndex.build(tmp_path, columns=["x"]).prune("x", 2, 9) == {"b.parquet": [0]}
    pq.write_table(pa.table({"x": ["c"]}), tmp_path / "c.parquet")
    with pytest.raises(InvalidInput, match=r"column x is string in .*c\.parquet, but int32 in .*a\.parquet"):
        RangeIndex.build(tmp_path, columns=["x"])


@pytest.mark.parametrize(
    ("narrow", "wide", "values"),
    [
        (pa.int32(), pa.int64(), [7, 2**40]),
        (pa.uint8(), pa.uint64(), [7, 2**63 + 5]),
        (pa.decimal128(5, 2), pa.decimal128(12, 2), [7, 10**8]),
        (pa.decimal128(20, 2), pa.decimal128(30, 2), [7, 10**25]),
    ],
    ids=str,
)
def test_what_only_the_widest_file_can_hold_is_found_whichever_file_is_first(tmp_path, narrow, wide, values):
    for first, second in ((narrow, wide), (wide, narrow)):
        for name, type_ in (("a", first), ("b", second)):
            kept = values if type_ == wide else values[:1]
            pq.write_table(
                pa.table({"x": pa.array(kept, type_), "row": kept[:1] * len(kept)}), tmp_path / f"{name}.parquet"
            )
        index = RangeIndex.build(tmp_path, columns=["x"])
        holder = "a" if first == wide else "b"
        assert index.prune("x", values[1], values[1]) == {f"{holder}.parquet": [0]}
        assert index.to_table("x", values[1], values[1]).num_rows == 1
        assert index.to_table("x", values[0], values[0]).num_rows == 2


def test_floats_of_several_widths_are_indexed_apart_as_engines_round_them(tmp_path):
    for name, type_ in (("a", pa.float32()), ("b", pa.float64())):
        pq.write_table(pa.table({"x": pa.array([0.1], type_)}), tmp_path / f"{name}.parquet")
    with pytest.raises(
        InvalidInput, match=r"column x is double in .*b\.parquet, but float in .*a\.parquet; index them"
    ):
        RangeIndex.build(tmp_path, columns=["x"])


def test_a_sample_of_queries_is_taken_in_the_column_s_own_kind(tmp_path):
    path = tmp_path / "a.parquet"
    day = dt.date(2024, 1, 1)
    table = {"n": range(100), "s": [f"k{i}" for i in range(100)], "d": [day + dt.timedelta(days=i) for i in range(100)]}
    pq.write_table(pa.table(table), path)
    samples = {
        "n": (np.array([500, 7]), np.array([600, 8])),
        "s": (["x", "k5"], ["y", "k6"]),
        "d": ([dt.date(2030, 1, 1)], [dt.date(2030, 1, 2)]),
    }
    index = RangeIndex.build(path, columns=["n", "s", "d"], queries=samples)
    assert index.prune("s", "k99", "k99") == {"a.parquet": [0]}
    with pytest.raises(InvalidInput, match=r"lo\[0\] of queries\['s'\] is 5, but the column holds string"):
        RangeIndex.build(path, columns=["s"], queries={"s": ([5], [6])})
    with pytest.raises(InvalidInput, match="1 lower bounds and 2 upper ones"):
        RangeIndex.build(path, columns=["s"], queries={"s": (["a"], ["b", "c"])})
    with pytest.raises(InvalidInput, match="queries are given for 'q', which is none of the columns n"):
        RangeIndex.build(path, columns=["n"], queries={"q": ([1], [2])})


def test_pieces_built_elsewhere_make_the_same_index_and_report_progress(folder):
    seen = []
    alone = RangeIndex.build(folder, columns=["x", "y"], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 60), (20, 60), (40, 60), (60, 60)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        apart = RangeIndex.build(folder, columns=["x", "y"], executor=executor)
    assert alone.save(folder / "1.bhri").read_bytes() == apart.save(folder / "2.bhri").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": []}, r"columns are \[\], but must be one or more names"),
        ({"columns": ["x", "x"]}, "each once"),
        ({"columns": ["z"]}, "has no column 'z'; take one of x, y, file"),
        ({"columns": None}, "columns are None, but must be one or more names"),
        ({"columns": [5]}, r"columns are \[5\], but must be one or more names"),
        ({"queries": 5}, "queries are int, but must be a dict of samples by column"),
        ({"queries": {"x": (1, 2)}}, r"queries\['x'\] hold int 1 for lo or hi; pass 1-D arrays or lists"),
        ({"queries": {"x": (np.ones((2, 2), int), [1, 2])}}, r"queries\['x'\] hold .* pass 1-D arrays"),
        ({"seed": -1}, "seed is -1, but must be an integer from 0"),
        ({"seed": 1.5}, r"seed is 1\.5, but must be an integer from 0"),
        ({"executor": 5}, r"executor is 5, but must have map\(\)"),
        ({"progress": 5}, "progress is 5, but must take how many row groups"),
        ({"filter": "cuckoo"}, "filter is 'cuckoo', but must be one of proteus"),
        ({"source": "nowhere.parquet"}, r"nowhere\.parquet does not exist"),
        ({"source": []}, "source has no files"),
    ],
)
def test_nothing_is_built_from_wrong_arguments(folder, arguments, words):
    with pytest.raises(InvalidInput, match=words):
        RangeIndex.build(**{"source": folder, "columns": ["x"], **arguments})


@pytest.mark.parametrize("type_", [pa.bool_(), pa.list_(pa.int64()), pa.map_(pa.string(), pa.int64())], ids=str)
def test_columns_without_an_order_are_refused(tmp_path, type_):
    pq.write_table(pa.table({"x": pa.array([], type_)}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInput, match=r"column x is of type .*, but an index holds integers, floats"):
        RangeIndex.build(tmp_path / "a.parquet", columns=["x"])


def test_what_is_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"no parquet here at all")
    with pytest.raises(CorruptData, match="does not end as Parquet files do"):
        RangeIndex.build(path, columns=["x"])
    path.write_bytes(b"PAR1" + b"junk" * 5 + (12).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(CorruptData, match=r"is no Parquet file|cannot be read"):
        RangeIndex.build(path, columns=["x"])
    pq.write_table(pa.table({"x": np.arange(3000)}), path, compression="none", use_dictionary=False)
    size = pq.ParquetFile(path).metadata.row_group(0).column(0).total_compressed_size
    stored, negative = (bytes((22, n & 127 | 128, n >> 7 & 127 | 128, n >> 14)) for n in (2 * size, 2 * size - 1))
    assert path.read_bytes().count(2 * stored) == 1  # the sizes without and with compression, in the footer
    path.write_bytes(path.read_bytes().replace(2 * stored, stored + negative))
    with pytest.raises(CorruptData, match=r"row group 0 of .*cannot be read"):
        RangeIndex.build(path, columns=["x"], filter="surf")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match="has no file that ends in"):
        RangeIndex.build(empty, columns=["x"])


def test_a_column_that_is_not_indexed_is_named(folder):
    index = RangeIndex.build(folder, columns=["x"])
    for ask in (index.prune, index.dataset, index.to_table, index.files):
        with pytest.raises(InvalidInput, match="column 'y' is not indexed, only x"):
            ask("y", 1, 2)


def test_a_further_filter_and_columns_narrow_a_table(folder, numbers):
    index = RangeIndex.build(folder, columns=["x"])
    found = index.to_table("x", 0, 2**39, columns=["file"], filter=pc.field("y") < 2**30)
    assert found == numbers.filter((pc.field("x") <= 2**39) & (pc.field("y") < 2**30)).select(["file"])


def test_partitions_named_by_folders_come_as_columns(tmp_path):
    table = pa.table({"x": [1, 2, 3, 4], "k": ["a", "a", "b", "b"]})
    ds.write_dataset(table, tmp_path, format="parquet", partitioning=["k"], partitioning_flavor="hive")
    index = RangeIndex.build(tmp_path, columns=["x"])
    assert index.to_table("x", 3, 9).to_pylist() == [{"x": 3, "k": "b"}, {"x": 4, "k": "b"}]


def test_the_path_of_an_index_that_is_missing_or_empty_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"a\.parquet does not exist; check the path"):
        RangeIndex.load(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").touch()
    with pytest.raises(InvalidInput, match=r"_a\.parquet\.bhri cannot be read.*index .*a\.parquet --column NAME"):
        RangeIndex.load(tmp_path / "a.parquet")
    (tmp_path / "_ranges.bhri").touch()
    with pytest.raises(CorruptData, match=r"_ranges\.bhri: these 0 bytes are no index"):
        RangeIndex.load(tmp_path)
