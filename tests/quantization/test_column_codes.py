import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Codes, Histogram, encode, levels
from beforehand.quantization.column_codes import check_dtype, check_names, check_table, decoded, encoded
from tests.quantization.arrow_columns import COLUMNS, LENGTHS, RAGGED, WIDE, listed, parted, values_of


def table_for(column, n_levels=16, objective="mse"):
    seen = Histogram.like(values_of(column))
    seen.update(values_of(column))
    return seen.levels(n_levels, objective=objective)


def codes_of(table, chosen, nulls="raise", seed=None, rows=None):
    return encoded(table, "x", chosen, nulls, seed, rows)


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("n_levels", [2, 5, 16, 256, 300])
def test_each_row_becomes_the_nearest_levels_and_depends_on_nothing_else(kind, n_levels):
    column = COLUMNS[kind]
    table, chosen = pa.table({"x": column}), table_for(column, n_levels)
    codes = codes_of(table, chosen)
    rows = [row for part in parted(table, 9) for batch in part for row in codes_of(batch, chosen).to_pylist()]
    assert rows == codes.to_pylist()
    back = decoded(codes, chosen, "float64")
    x, found = values_of(column), values_of(back)
    nearest = np.abs(x[:, None] - chosen.values).min(axis=1)
    assert np.abs(np.abs(found - x) - nearest).max() <= 1e-6 * np.abs(x).max()  # codes are found in the source's dtype
    if pa.types.is_list(back.type):
        assert back.value_lengths().to_pylist() == [len(row) for row in getattr(column, "storage", column).to_pylist()]
    else:
        assert codes.type == (pa.uint8() if chosen.n_levels <= 256 else pa.uint16())


def test_packed_rows_are_those_of_the_bytes_of_codes():
    chosen = levels(WIDE, 8, objective="mse", method="histogram")
    rows = codes_of(pa.table({"x": COLUMNS["fixed-size list"]}), chosen).to_pylist()
    data = encode(WIDE, chosen).to_bytes()
    assert b"".join(row[:-1] for row in rows) == data[-4 - 3 * len(WIDE) : -4]  # 6 codes of 3 bits are 3 bytes
    assert {row[-1] for row in rows} == {6}
    assert Codes.from_bytes(data).bits == 3


@pytest.mark.parametrize("kind", ["float32", "list", "fixed-size list"])
def test_random_rounding_is_unbiased_and_depends_on_the_number_of_the_row(kind):
    column = COLUMNS[kind].slice(0, 400)
    chosen = table_for(column, 4, "unbiased")
    table = pa.table({"x": column, "id": np.arange(400)[::-1]})
    options = {"seed": 3, "rows": "id"}
    codes = codes_of(table, chosen, **options)
    order = np.random.default_rng(0).permutation(400)
    mixed = table.take(order)
    rows = [
        row for part in parted(mixed, 5) for batch in part for row in codes_of(batch, chosen, **options).to_pylist()
    ]
    assert [rows[place] for place in np.argsort(order)] == codes.to_pylist()
    assert codes_of(table, chosen, seed=4, rows="id") != codes
    means = np.mean(
        [values_of(decoded(codes_of(table, chosen, seed=seed, rows="id"), chosen, "float64")) for seed in range(60)],
        axis=0,
    )
    x = values_of(column)
    assert abs((means - x).mean()) < 5 * np.sqrt(chosen.squared_error / 60) / x.size
    assert ((means - x) ** 2).sum() == pytest.approx(chosen.squared_error / 60, rel=0.7)


def test_nulls_stay_where_they_are_or_are_refused():
    table, chosen = (
        pa.table({"x": [[1.0, 2.0], None, [], [3.0, None], [2.0]]}),
        levels([1.0, 2.0, 3.0], 3, objective="mse"),
    )
    with pytest.raises(InvalidInput, match="column x has nulls in 2 rows; pass nulls='drop'"):
        codes_of(table, chosen)
    for piece in (table, table.slice(0, 5)):
        codes = codes_of(piece, chosen, nulls="drop")
        assert decoded(codes, chosen, "float32").to_pylist() == [[1.0, 2.0], None, [], None, [2.0]]
    assert decoded(codes.slice(1, 3), chosen, "float32").to_pylist() == [None, [], None]
    numbers = pa.table({"x": [1.0, None, 3.0]})
    codes = codes_of(numbers, chosen, nulls="drop")
    assert codes.to_pylist() == [0, None, 2]
    assert decoded(codes, chosen, "float64").to_pylist() == [1.0, None, 3.0]
    fixed = pa.array([[1.0, 2.0], None, [3.0, None], [2.0, 2.0]], pa.list_(pa.float32(), 2))
    back = decoded(codes_of(pa.table({"x": fixed}), chosen, nulls="drop"), chosen, "float32")
    assert back.to_pylist() == [[1.0, 2.0], None, None, [2.0, 2.0]]


@given(
    rows=st.lists(st.one_of(st.none(), st.lists(st.floats(-100, 100, width=32), max_size=20)), max_size=12),
    n_levels=st.integers(1, 40),
    data=st.data(),
)
def test_rows_of_any_length_come_back(rows, n_levels, data):
    chosen = levels(np.linspace(-100, 100, 1000, dtype=np.float32), n_levels, objective="mse", method="exact")
    table = pa.table({"x": pa.array(rows, pa.list_(pa.float32()))})
    codes = codes_of(table, chosen, nulls="drop")
    back = decoded(codes, chosen, "float32").to_pylist()
    assert [None if row is None else len(row) for row in back] == [None if row is None else len(row) for row in rows]
    for row, mine in zip(rows, back, strict=True):
        for value, level in zip(row or [], mine or [], strict=True):
            assert abs(value - level) == pytest.approx(np.abs(chosen.values - np.float32(value)).min(), abs=1e-4)
    junk = data.draw(st.lists(st.binary(max_size=5), max_size=4))
    try:
        decoded(pa.array(junk, pa.binary()), chosen, "float32")
    except CorruptData:
        pass


def test_codes_that_the_table_does_not_have_are_refused():
    chosen = levels([1.0, 2.0, 3.0], 3, objective="mse")
    for codes, message in (
        (pa.array([0, 3], pa.uint8()), "codes go up to 3, but there are 3 levels"),
        (pa.array([-1], pa.int16()), "but there are 3 levels"),
        (pa.array([b""]), "a row of codes is empty"),
        (pa.array([b"\x03\x01"]), "a code is 3, but there are 3 levels"),
        (pa.array([b"\x04\x01"]), "bits behind the last code of a row are not 0"),
        (pa.array([b"\x00\x09"]), "has a length that codes of 2 bits cannot have"),
        (pa.array([b"\x00\x00"]), "has a length that codes of 2 bits cannot have"),
    ):
        with pytest.raises(CorruptData, match=message):
            decoded(codes, chosen, "float32")
    with pytest.raises(InvalidInput, match="codes have type string"):
        decoded(pa.array(["a"]), chosen, "float32")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: check_table([1.0, 2.0], None, None), "levels is a list, but must be what levels"),
        (lambda: check_table(levels(WIDE, axis=1), None, None), "but a column wants a plain one"),
        (lambda: check_table(levels(WIDE, method="rotation"), None, None), "levels have method 'rotation'"),
        (lambda: check_table(levels(RAGGED), 3, None), "pass seed= and rows="),
        (lambda: check_names("x", None, "codes", ["y", "z"]), "there is no column 'x'; there are y, z"),
        (lambda: check_names("x", "y", "codes", ["x", "y"]), "output is 'y', but there is a column of that name"),
        (lambda: check_names("x", None, "codes", ["x"], "id"), "there is no column 'id'"),
        (lambda: check_dtype("int8"), "dtype is 'int8', but must be float32 or float64"),
        (
            lambda: codes_of(pa.table({"x": [1.0, np.nan]}), levels(RAGGED, objective="mse")),
            "column x has 1 values that are NaN",
        ),
        (
            lambda: codes_of(pa.table({"x": [[[1.0]]]}), levels(RAGGED, objective="mse")),
            "column x holds lists of lists",
        ),
        (
            lambda: codes_of(pa.table({"x": [1.0], "id": [-1]}), levels(RAGGED), seed=0, rows="id"),
            "column id has numbers from -1 on",
        ),
        (
            lambda: codes_of(pa.table({"x": [1.0], "id": ["a"]}), levels(RAGGED), seed=0, rows="id"),
            "column id has type string or nulls",
        ),
        (lambda: codes_of(pa.table({"x": [1e9], "id": [1]}), levels(RAGGED), seed=0, rows="id"), "outside"),
    ],
)
def test_what_cannot_be_coded_is_refused(act, message):
    with pytest.raises(InvalidInput, match=message):
        act()


def test_lists_of_no_numbers_and_tables_without_rows_have_codes_too():
    chosen = levels([1.0, 2.0, 3.0], 3, objective="mse")
    for column in (listed(np.empty(0), [0, 0]), pa.array([], pa.list_(pa.float64())), pa.array([], pa.float32())):
        codes = codes_of(pa.table({"x": column}), chosen)
        assert len(decoded(codes, chosen, "float32")) == len(column)
    assert LENGTHS.min() == 0  # as there are in the columns above
