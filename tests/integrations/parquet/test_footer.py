import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet.footer import fingerprint


@pytest.fixture
def path(tmp_path):
    pq.write_table(pa.table({"x": [1, 2, 3]}), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_copies_have_the_same_and_other_contents_another(path, tmp_path):
    first = fingerprint(path)
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(path.read_bytes())
    assert fingerprint(copy) == first
    assert first.bytes == path.stat().st_size
    pq.write_table(pa.table({"x": [1, 2, 4]}), path)
    assert fingerprint(path) != first


@pytest.mark.parametrize("held", [b"", b"PAR1", b"x" * 100, b"PAR1" + (10**6).to_bytes(4, "little") + b"PAR1"])
def test_what_does_not_end_like_parquet_is_damaged(path, held):
    path.write_bytes(held)
    with pytest.raises(CorruptData, match=r"a\.parquet does not end as Parquet files do"):
        fingerprint(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"none\.parquet cannot be read: No such file"):
        fingerprint(tmp_path / "none.parquet")
