import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.reading import shown_columns

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


@pytest.mark.parametrize(("asked", "found"), [("id", ["id"]), (("name", "id"), ["name", "id"]), ([], [])])
def test_columns_to_return_are_a_list_in_the_order_asked_for(asked, found):
    assert shown_columns(SCHEMA, asked, "a.parquet") == found


def test_a_column_that_pyarrow_adds_may_be_returned():
    assert shown_columns(SCHEMA, ["__filename"], "a.parquet") == ["__filename"]


@pytest.mark.parametrize("asked", ["x", ["id", "x"]])
def test_a_column_to_return_that_is_not_there_is_named(asked):
    with pytest.raises(InvalidInput, match=r"a\.parquet has no column 'x' to return; take some of id, name"):
        shown_columns(SCHEMA, asked, "a.parquet")
