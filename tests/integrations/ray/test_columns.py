"""On a real local Ray; `make test-ray` runs these."""

import numpy as np
import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.ray import column_histogram, decode_column, encode_column
from beforehand.quantization import Histogram, encode

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*")]  # of its own options

ROWS = 3_000
WIDE = np.random.default_rng(0).lognormal(size=(ROWS, 12)).astype(np.float32)
RAGGED = pa.array(
    [None if i % 50 == 0 else WIDE[i, : i % 7].tolist() + [None] * (i % 111 == 0) for i in range(ROWS)],
    pa.list_(pa.float32()),
)
TABLE = pa.table(
    {
        "id": np.arange(ROWS),
        "fixed": pa.FixedSizeListArray.from_arrays(pa.array(WIDE.reshape(-1)), 12),
        "number": WIDE[:, 0].astype(np.float64),
        "ragged": RAGGED,
    }
)


@pytest.fixture(scope="module")
def data(ray):
    """ray.data, which keeps the order of blocks here, and says nothing on the way."""
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    return data


def datasets(data):
    """The same rows in blocks of different sizes and another order; the last one has tensors."""
    mixed = TABLE.take(np.random.default_rng(1).permutation(ROWS))
    pieces = [mixed.slice(first, 700) for first in range(0, ROWS, 700)]
    return [data.from_arrow(TABLE), data.from_arrow(pieces), data.from_arrow(TABLE).repartition(9)]


@pytest.mark.parametrize(("column", "values"), [("fixed", WIDE), ("number", WIDE[:, 0])])
def test_the_histogram_has_the_same_bytes_for_every_partitioning(data, column, values):
    found = [column_histogram(dataset, column) for dataset in datasets(data)]
    if column == "fixed":
        found.append(
            column_histogram(data.from_numpy(np.array_split(WIDE, 4)).rename_columns({"data": column}), column)
        )
    assert {(seen.rows, seen.nulls) for seen in found} == {(ROWS, 0)}
    [made] = {seen.histogram.to_bytes() for seen in found}
    alone = Histogram(center=found[0].histogram.center, scale=found[0].histogram.scale)
    alone.update(values)
    assert alone.to_bytes() == made
    assert alone.levels(16, certify=True).gap < 0.05


def test_nulls_are_counted_and_refused_or_dropped(data):
    for dataset in datasets(data):
        with pytest.raises(InvalidInput, match="column ragged has 87 nulls in 3000 rows"):
            column_histogram(dataset, "ragged", center=1.0, scale=1.0)
        seen = column_histogram(dataset, "ragged", center=1.0, scale=1.0, nulls="drop")
        assert (seen.rows, seen.nulls) == (ROWS, 87)


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
def test_codes_are_those_of_this_process_and_stand_beside_their_values(data, objective):
    first, *others = datasets(data)
    chosen = column_histogram(first, "fixed").histogram.levels(16, objective=objective)
    options = {"seed": 7, "rows": "id"} if objective == "unbiased" else {}
    coded = encode_column(first, "fixed", chosen, **options)
    rows = coded.take_all()
    assert [row["id"] for row in rows] == list(range(ROWS))
    if objective == "mse":
        expected = encode(WIDE, chosen).indices()
    else:
        expected = np.stack([encode(row[None], chosen, seed=7, stream=i).indices()[0] for i, row in enumerate(WIDE)])
    packed = expected[:, ::2] | expected[:, 1::2] << 4
    assert [row["fixed_codes"] for row in rows] == [row.tobytes() + b"\4" for row in packed]
    for other in others:
        for row in encode_column(other, "fixed", chosen, **options).take_all():
            assert row["fixed_codes"] == rows[row["id"]]["fixed_codes"]
    back = decode_column(coded, "fixed_codes", chosen, output="back").take_all()
    assert np.array_equal(np.stack([row["back"] for row in back]), chosen.values.astype(np.float32)[expected])


def test_tensors_numbers_and_lists_with_nulls_go_there_and_back(data):
    chosen = column_histogram(data.from_arrow(TABLE), "number").histogram.levels(300, objective="mse")
    coded = encode_column(encode_column(data.from_arrow(TABLE), "number", chosen), "ragged", chosen, nulls="drop")
    back = decode_column(coded, "number_codes", chosen, dtype="float64")
    for row in decode_column(back, "ragged_codes", chosen).take_all():
        assert abs(row["number"] - row["number_codes_decoded"]) < 0.1 or row["number"] > 5
        given, found = RAGGED[row["id"]].as_py(), row["ragged_codes_decoded"]
        broken = given is None or None in given
        assert (found is None) == (row["ragged_codes"] is None) == broken
        assert broken or len(found) == len(given)
    tensors = data.from_numpy(WIDE)
    of_tensors = encode_column(tensors, "data", chosen).take_all()
    of_lists = encode_column(data.from_arrow(TABLE), "fixed", chosen).take_all()
    assert [row["data_codes"] for row in of_tensors] == [row["fixed_codes"] for row in of_lists]


def test_what_is_wrong_is_said_before_anything_runs(data):
    dataset = data.from_arrow(TABLE)
    chosen = column_histogram(dataset, "number").histogram.levels(4)
    for act, message in (
        (lambda: column_histogram(dataset, "name"), "there is no column 'name'"),
        (lambda: encode_column(dataset, "fixed", chosen), "pass seed= and rows="),
        (lambda: encode_column(dataset, "fixed", chosen, seed=1, rows="id", output="id"), "output is 'id'"),
        (lambda: decode_column(dataset, "fixed", chosen, dtype="int8"), "dtype is 'int8'"),
    ):
        with pytest.raises(InvalidInput, match=message):
            act()


def test_a_dataset_without_rows_has_an_empty_histogram(data):
    seen = column_histogram(data.from_arrow(TABLE.slice(0, 0)), "number")
    assert (seen.rows, seen.histogram.count) == (0, 0)
