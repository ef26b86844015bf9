import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def folder(tmp_path):
    """Three files of unsorted numbers, in folders."""
    random = np.random.default_rng(0)
    for place, name in enumerate(("a.parquet", "b/c.parquet", "b/d.parquet")):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        numbers = random.integers(0, 2**40, 2000)
        pq.write_table(pa.table({"x": numbers, "y": numbers / 7, "file": [place] * 2000}), path, row_group_size=100)
    return tmp_path / "data"


@pytest.fixture
def numbers(folder):
    return ds.dataset(sorted(map(str, folder.rglob("*.parquet")))).to_table()
