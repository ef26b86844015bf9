import os

import pyarrow.dataset as ds
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet import RangeIndex
from tests.integrations.parquet.around import expected, one_of


@pytest.mark.parametrize(
    "make",
    [str, lambda folder: [*folder.rglob("*.parquet")], lambda folder: ds.dataset(folder)],
    ids=["folder", "list", "dataset"],
)
def test_a_source_is_a_folder_a_list_or_a_dataset(folder, numbers, make):
    lo, hi = one_of(numbers)
    index = RangeIndex.build(make(folder), columns=["x"])
    assert index.to_table("x", lo, hi) == expected(numbers, lo, hi)


@pytest.mark.parametrize("name", [b"a\\b.parquet", b"\xe9.parquet"])
@pytest.mark.parametrize("whole", [True, False])
def test_files_whose_names_an_index_cannot_hold_are_refused(folder, name, whole):
    path = os.fsdecode(os.path.join(os.fsencode(folder), name))
    (folder / "a.parquet").rename(path)
    with pytest.raises(InvalidInput, match=r"has a backslash or bytes that are no UTF-8 in its name; rename it"):
        RangeIndex.build(folder if whole else path, columns=["x"])
