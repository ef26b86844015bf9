"""On a real local Ray; `make test-ray` runs these."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet import RangeIndex
from beforehand.integrations.ray import RayExecutor

pytestmark = pytest.mark.ray


def square(number):
    return number * number


def refuse(number):
    raise InvalidInput(f"number is {number}, but must be another")


def test_results_come_in_order_and_what_was_raised_is_raised(ray):
    executor = RayExecutor()
    assert list(executor.map(square, range(20))) == [n * n for n in range(20)]
    assert executor.submit(square, number=7).result(timeout=60) == 49
    with pytest.raises(InvalidInput, match="number is 5, but must be another"):
        executor.submit(refuse, 5).result(timeout=60)


def test_an_index_built_by_ray_is_that_of_this_process(ray, tmp_path):
    random = np.random.default_rng(0)
    for place in range(3):
        numbers = random.integers(0, 2**60, 20_000)
        table = pa.table({"x": numbers, "name": [f"k{each % 10**6}" for each in numbers]})
        pq.write_table(table, tmp_path / f"{place}.parquet", row_group_size=5_000)
    alone = RangeIndex.build(tmp_path, columns=["x", "name"])
    seen = []
    spread = RangeIndex.build(
        tmp_path, columns=["x", "name"], executor=RayExecutor(), progress=lambda *counts: seen.append(counts)
    )
    assert spread.save(tmp_path / "_1.bhri").read_bytes() == alone.save(tmp_path / "_2.bhri").read_bytes()
    assert seen[-1] == (12, 12)


def test_a_damaged_file_is_named_wherever_it_was_read(ray, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": np.arange(5000)}), path, compression="none", use_dictionary=False)
    held = bytearray(path.read_bytes())
    held[4:40] = bytes(36)  # of the first page
    path.write_bytes(held)
    with pytest.raises(CorruptData, match=r"row group 0 of .*a\.parquet cannot be read"):
        RangeIndex.build(path, columns=["x"], queries={"x": ([1], [2])}, executor=RayExecutor())
