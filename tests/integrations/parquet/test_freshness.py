import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import InvalidInput, StaleData
from beforehand.integrations.parquet import RangeIndex, freshness
from beforehand.integrations.parquet.footer import fingerprint
from tests.integrations.parquet.around import one_of


def test_a_file_that_was_written_anew_or_is_gone_is_noticed(folder, numbers):
    built = RangeIndex.build(folder, columns=["x"])
    place = built.save()
    lo, hi = one_of(numbers)
    assert built.to_table("x", lo, hi).num_rows
    table = pq.read_table(folder / "a.parquet")
    pq.write_table(table.slice(1), folder / "a.parquet", row_group_size=100)
    for act in (lambda: RangeIndex.load(place), built.check, lambda: built.to_table("x", lo, hi)):
        with pytest.raises(StaleData, match=r"a\.parquet was written anew.*beforehand ranges index .*--column x"):
            act()
    for ask in (built.prune, built.files):
        with pytest.raises(StaleData, match="was written anew"):
            ask("x", lo, hi)
    assert RangeIndex.load(place, check=False).prune("x", lo, hi) == {"a.parquet": [7]}
    (folder / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(StaleData, match="does not end as Parquet files do"):
        RangeIndex.load(place)
    (folder / "a.parquet").unlink()
    with pytest.raises(StaleData, match=r"a\.parquet is gone"):
        RangeIndex.load(place)
    (folder / "a.parquet").mkdir()
    with pytest.raises(StaleData, match=r"a\.parquet cannot be read: Is a directory"):
        RangeIndex.load(place)


@pytest.mark.parametrize("column", ["x", "s.x"])
@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_a_value_that_was_changed_is_noticed_though_size_and_footer_are_the_same(tmp_path, column, compression):
    path = tmp_path / "a.parquet"
    values = np.random.default_rng(0).integers(0, 2**62, 4000)

    def write():
        table = pa.table({"x": values, "s": pa.array([{"x": value} for value in values.tolist()])})
        pq.write_table(table, path, row_group_size=1000, compression=compression)
        return fingerprint(path)

    first = write()
    index = RangeIndex.build(path, columns=[column])
    place = index.save()
    values[1500] ^= 12345678901234
    assert write() == first
    for act in (lambda: RangeIndex.load(place), lambda: index.to_table(column, 1, 2), lambda: index.check()):
        with pytest.raises(StaleData, match=r"a\.parquet was written anew"):
            act()


def test_a_copy_with_another_time_is_the_same_file(folder, numbers):
    place = RangeIndex.build(folder, columns=["x"]).save()
    path = folder / "a.parquet"
    held = path.read_bytes()
    path.unlink()
    path.write_bytes(held)
    assert RangeIndex.load(place).columns == ("x",)


@pytest.fixture
def reads(monkeypatch):
    """The paths of files whose values were read to see whether they are the same."""
    seen = []

    def counted(path, columns):
        seen.append(path.name)
        return stored(path, columns)

    stored = freshness.values_of
    monkeypatch.setattr(freshness, "values_of", counted)
    return seen


def test_values_are_read_once_where_a_time_differs_and_never_by_a_query(folder, numbers, reads):
    index = RangeIndex.build(folder, columns=["x"])
    place = index.save()
    RangeIndex.load(place).to_table("x", *one_of(numbers))
    assert not reads
    os.utime(folder / "a.parquet", (1, 1))
    for opened in (index, RangeIndex.load(place)):
        for _ in range(2):
            opened.to_table("x", *one_of(numbers))
    assert reads == ["a.parquet", "a.parquet"]


def test_an_index_that_is_saved_again_knows_the_times_of_copies(folder, reads):
    place = RangeIndex.build(folder, columns=["x"]).save()
    held = place.read_bytes()
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    for path in times:
        os.utime(path, (1, 1))
    unchecked = RangeIndex.load(place, check=False)
    assert unchecked.save().read_bytes() == held  # what was not looked at is not known to be the same
    assert RangeIndex.load(place).save() == place
    assert len(reads) == 3
    RangeIndex.load(place).check()
    assert len(reads) == 3
    for path, time in times.items():
        os.utime(path, ns=(time, time))
    assert RangeIndex.load(place).save().read_bytes() == held


def test_files_that_have_come_to_a_folder_are_kept_whole_and_counted(folder, numbers):
    index = RangeIndex.build(folder, columns=["x"])
    lo, hi = one_of(numbers)
    pq.write_table(pa.table({"x": [lo, hi + 1], "y": [0.0, 0.0], "file": [9, 9]}), folder / "new.parquet")
    assert index.prune("x", lo, hi)["new.parquet"] == [0]
    assert 9 in index.to_table("x", lo, hi)["file"].to_pylist()
    assert "1 file not in the index, always read whole" in index.explain()
    one = RangeIndex.build(folder / "a.parquet", columns=["x"])
    assert list(one.prune("x")) == ["a.parquet"]


def test_a_file_that_has_come_and_is_written_anew_is_read_as_it_is(folder, numbers):
    index = RangeIndex.build(folder, columns=["x"])
    for rows in (3, 5000, 2):
        pq.write_table(pa.table({"x": [7] * rows, "y": [0.5] * rows, "file": range(rows)}), folder / "new.parquet")
        assert index.to_table("x", 7, 7)["file"].to_pylist() == list(range(rows))


def test_a_file_that_changes_while_it_is_indexed_is_refused(folder):
    with pytest.raises(InvalidInput, match="written anew while it was being indexed"):
        RangeIndex.build(folder / "b" / "c.parquet", columns=["x"], progress=lambda *_: rewrite_c(folder))


def rewrite_c(folder):
    pq.write_table(pa.table({"x": np.arange(2000)}), folder / "b" / "c.parquet", row_group_size=100)
