"""What a Spark worker does with the batches of its partition, without Spark; test_columns_on_spark.py has the rest."""

import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.spark import column_histogram
from beforehand.integrations.spark.columns import with_column
from beforehand.quantization import Histogram, levels
from beforehand.quantization.column_codes import encoded
from tests.quantization.arrow_columns import COLUMNS, parted, values_of


class Table:
    """As much of a Spark table as is used: partitions of Arrow batches, through which a pickled function goes."""

    columns = ("x",)

    def __init__(self, partitions, kind="double", lists=False):
        self.partitions = partitions
        number = SimpleNamespace(typeName=lambda: kind)
        array = SimpleNamespace(typeName=lambda: "array", elementType=number)
        self.schema = {"x": SimpleNamespace(dataType=array if lists else number)}

    def select(self, column):
        assert column == "`x`"
        return self

    def toDF(self, name):
        self.partitions = [[batch.rename_columns([name]) for batch in batches] for batches in self.partitions]
        return self

    def mapInArrow(self, function, schema):
        assert schema == "rows long, nulls long, unusable long, data binary"
        function = pickle.loads(pickle.dumps(function))
        self.made = [list(function(iter(batches))) for batches in self.partitions]
        return self

    def collect(self):
        rows = [row for batches in self.made for batch in batches for row in batch.to_pylist()]
        return [SimpleNamespace(**row | {"data": bytearray(row["data"])}) for row in rows]


@pytest.mark.parametrize(("kind", "lists"), [("double", False), ("float", True)])
def test_the_histogram_has_the_same_bytes_for_every_partitioning(kind, lists):
    column = COLUMNS["list of float32" if lists else "float64"]
    table, values = pa.table({"x": column}), values_of(column)
    seen = {
        column_histogram(Table(parted(table, pieces), kind, lists), "x").histogram.to_bytes() for pieces in (1, 3, 30)
    }
    [data] = seen
    found = Histogram.from_bytes(data)
    assert (found.count, found.minimum, found.maximum) == (values.size, values.min(), values.max())
    assert found.levels(16, certify=True).gap < 0.01


def test_center_and_scale_save_a_reading():
    table = pa.table({"x": COLUMNS["float64"]})
    made = Table(parted(table, 4))
    found = column_histogram(made, "x", center=1.0, scale=0.5)
    assert (found.histogram.center, found.histogram.scale, found.rows, found.nulls) == (1.0, 0.5, len(table), 0)
    assert [batch.num_rows for [batch] in made.made] == [1] * 4  # of the only reading


@pytest.mark.parametrize("kind", ["string", "boolean", "decimal", "struct"])
@pytest.mark.parametrize("lists", [False, True])
def test_what_are_no_numbers_is_refused_before_anything_runs(kind, lists):
    with pytest.raises(InvalidInput, match=f"column x has type {kind}, but must hold numbers or arrays of numbers"):
        column_histogram(Table([], kind, lists), "x")
    with pytest.raises(InvalidInput, match="there is no column 'y'; there are x"):
        column_histogram(Table([], kind, lists), "y")


@pytest.mark.parametrize(("n_levels", "kind"), [(16, pa.int16()), (300, pa.int32())])
def test_codes_stand_beside_their_values_in_signed_types(n_levels, kind):
    x = COLUMNS["float64"]
    table = pa.table({"x": x, "name": pa.array([str(i) for i in range(len(x))])})
    chosen = levels(values_of(x), n_levels, objective="mse")
    make = partial(encoded, name="x", levels=chosen, nulls="raise", seed=None, rows=None)
    name = {pa.int16(): "short", pa.int32(): "integer"}[kind]
    batches = table.rename_columns(["0", "1"]).to_batches(max_chunksize=700)
    found = pa.Table.from_batches(with_column(iter(batches), table.column_names, "codes", make, name))
    assert found.select(["x", "name"]) == table
    assert found.schema.field("codes").type == kind
    assert np.array_equal(found["codes"].to_numpy(), make(table).to_numpy(zero_copy_only=False))
