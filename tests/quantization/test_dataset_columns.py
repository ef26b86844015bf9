import numpy as np
import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Histogram
from beforehand.quantization.dataset_columns import Part, check_column, merged, part_rows, scale_of, together
from tests.quantization.arrow_columns import COLUMNS, RAGGED, listed, parted, values_of


def told(parts, name="x", by=None, nulls="raise"):
    """What comes of these parts, each through the rows that a worker hands over."""
    rows = [row for part in parts for batch in part_rows(iter(part), name, by) for row in batch.to_pylist()]
    return together([Part(**row) for row in rows], name, nulls)


def whole_histogram(parts, nulls="raise"):
    by = scale_of(told(parts, nulls=nulls)[2], 4096)
    rows, empty, histograms = told(parts, by=by, nulls=nulls)
    return merged(histograms, by), rows, empty


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_each_kind_gives_the_histogram_of_its_values_however_it_is_parted(kind):
    table = pa.table({"x": COLUMNS[kind]})
    values = values_of(COLUMNS[kind])
    found, rows, empty = whole_histogram([table.to_batches()])
    assert (found.count, rows, empty) == (values.size, len(table), 0)
    alone = Histogram(center=found.center, scale=found.scale)
    alone.update(values)
    assert found.to_bytes() == alone.to_bytes()
    assert alone.levels(5, certify=True).gap < 0.05
    for pieces in (2, 7, 40):
        parts = parted(table, pieces, seed=pieces)
        np.random.default_rng(pieces).shuffle(parts)
        assert whole_histogram(parts)[0].to_bytes() == found.to_bytes()


def test_center_and_scale_are_close_to_those_of_the_values():
    column = COLUMNS["list"]
    found = whole_histogram([pa.table({"x": column}).to_batches()])[0]
    like = Histogram.like(RAGGED)
    assert found.center == pytest.approx(like.center, abs=0.1)
    assert found.scale == pytest.approx(like.scale, rel=0.1)


def test_nulls_are_counted_and_refused_or_dropped():
    table = pa.table({"x": [[1.0, None, 3.0], None, [], [None], [4.0]]})
    for pieces in (1, 3):
        parts = parted(table, pieces)
        with pytest.raises(InvalidInput, match="column x has 3 nulls in 5 rows; pass nulls='drop'"):
            whole_histogram(parts)
        found, rows, empty = whole_histogram(parts, nulls="drop")
        assert (found.count, found.minimum, found.maximum, rows, empty) == (3, 1.0, 4.0, 5, 3)


@pytest.mark.parametrize("nulls", ["raise", "drop"])
def test_values_that_no_level_can_stand_for_are_counted_and_refused(nulls):
    columns = [pa.array([1.0, np.nan, np.inf, -np.inf]), pa.array([1, 2**53 + 1, -(2**60), 2**62])]
    for column in (*columns, pa.array(np.array([2**53, 2**53 + 1, 2**64 - 1, 2**63], np.uint64))):
        with pytest.raises(InvalidInput, match="column x has 3 values that are NaN, infinite or integers beyond"):
            whole_histogram(parted(pa.table({"x": column}), 2), nulls=nulls)


@pytest.mark.parametrize("column", [[], [None], [7.25] * 10, [0.0, -0.0], [1e-320, -1e-320], [1, 2, 3]])
def test_little_and_plain_columns(column):
    table = pa.table({"x": pa.array(column, pa.float64())})
    found, rows, _ = whole_histogram([table.to_batches()], nulls="drop")
    again = whole_histogram([[], *parted(table, 4), []], nulls="drop")[0]
    values = [value for value in column if value is not None]
    assert (rows, found.count) == (len(column), len(values))
    assert again.to_bytes() == found.to_bytes()
    if values:
        assert found.levels(16).values.tolist() == sorted({0.0 + value for value in values})
    else:
        with pytest.raises(InvalidInput, match="holds 0 values"):
            found.levels(16)


@pytest.mark.parametrize(
    "column", [pa.array(["a"]), pa.array([True]), pa.array([{"a": 1}]), pa.array([b"x"]), listed([True, False], [2])]
)
def test_what_are_no_numbers_is_refused(column):
    with pytest.raises(InvalidInput, match=r"column x has type .*, but must hold numbers or lists of numbers"):
        whole_histogram([pa.table({"x": column}).to_batches()])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": 257}, "bins is 257, but must be from 258 to 65536"),
        ({"bins": 65537}, "bins is 65537"),
        ({"center": 1.0}, "center is 1.0 and scale is None, but they go together"),
        ({"center": 1.0, "scale": -1.0}, "scale is -1.0"),
        ({"nulls": "keep"}, "nulls is 'keep', but must be one of raise, drop"),
    ],
)
def test_options_that_break_their_rule_are_refused(options, message):
    given = {"bins": 4096, "center": None, "scale": None, "nulls": "raise"} | options
    with pytest.raises(InvalidInput, match=message):
        check_column(**given)


def test_center_and_scale_may_be_given():
    assert check_column(258, None, None, "drop") is None
    assert check_column(258, 1, 2, "drop") == (1.0, 2.0, 258)
