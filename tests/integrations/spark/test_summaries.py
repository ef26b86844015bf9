"""What a Spark worker does with the batches of its partition, without Spark; test_on_spark.py has the rest."""

import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pyarrow
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.spark import summary, top
from beforehand.integrations.spark.summaries import summarize
from beforehand.streams import LearnedSpaceSaving, LookupTable, SpaceSaving, from_bytes

STREAM = np.random.default_rng(2).zipf(1.3, 20_000) % 3_000
FACTORY = partial(SpaceSaving, capacity=300, policy="exact")


class Table:
    """As much of a Spark table as is used: partitions of Arrow batches, through which a pickled function goes."""

    def __init__(self, partitions, kind="long"):
        self.partitions = partitions
        field = SimpleNamespace(name="key", dataType=SimpleNamespace(typeName=lambda: kind))
        self.schema = SimpleNamespace(fields=[field])

    def select(self, column):
        assert column == "key"
        return self

    def toDF(self, name):
        assert name == "key"
        return self

    def mapInArrow(self, function, schema):
        assert schema == "summary binary"
        function = pickle.loads(pickle.dumps(function))
        self.made = [list(function(iter(batches))) for batches in self.partitions]
        return self

    def collect(self):
        return [
            SimpleNamespace(summary=bytearray(value.as_py())) for [batch] in self.made for value in batch["summary"]
        ]


def batches(keys, size=1_000):
    return [pyarrow.record_batch([pyarrow.array(keys[i : i + size])], names=["key"]) for i in range(0, len(keys), size)]


def table(keys, pieces=3, **options):
    return Table([batches(part) for part in np.array_split(np.asarray(keys), pieces)], **options)


def test_a_partition_becomes_one_row_of_exactly_the_declared_column():
    [row] = summarize(iter(batches(STREAM)), FACTORY)
    assert row.schema == pyarrow.schema([("summary", pyarrow.binary())])
    assert row.num_rows == 1
    alone = FACTORY()
    alone.update(STREAM)
    assert row["summary"][0].as_py() == alone.to_bytes()


def test_an_empty_partition_counts_nothing():
    [row] = summarize(iter([]), FACTORY)
    assert from_bytes(row["summary"][0].as_py()).total == 0


@pytest.mark.parametrize("kind", ["long", "string"])
def test_the_bounds_of_the_merged_summary_hold_for_the_whole_column(kind):
    keys = STREAM if kind == "long" else [f"key {key}" for key in STREAM]
    made = summary(table(keys, kind=kind), "key", FACTORY)
    distinct, true = np.unique(keys, return_counts=True)
    lower, upper = made.bounds(distinct)
    assert (lower <= true).all()
    assert (true <= upper).all()
    assert made.total == len(STREAM)
    assert made.error_bound <= len(STREAM) / 300
    assert made.top(1).keys[0] == distinct[true.argmax()]


def test_a_predictor_goes_along():
    known = LookupTable(entries=50).fit(STREAM)
    made = summary(table(STREAM), "key", partial(LearnedSpaceSaving, known, memory="4KiB"))
    distinct, true = np.unique(STREAM, return_counts=True)
    lower, upper = made.bounds(distinct)
    assert ((lower <= true) & (true <= upper)).all()
    assert made.predictor is known


def test_nulls_are_skipped_and_partitions_without_keys_do_no_harm():
    rows = pyarrow.array(["a", None, "a", "b", None])
    nothing = pyarrow.array([], pyarrow.string())
    parts = [[pyarrow.record_batch([column], names=["key"])] for column in (nothing, rows, nothing)]
    made = summary(Table([*parts, []], "string"), "key", FACTORY)
    assert (made.total, made.skipped) == (3, 2)
    assert made.top(2).keys == ["a", "b"]


@pytest.mark.parametrize("kind", ["double", "boolean", "timestamp", "struct"])
def test_what_is_no_key_is_refused_before_anything_runs(kind):
    with pytest.raises(InvalidInput, match=f"column key has type {kind}, but keys are integers"):
        summary(table(STREAM, kind=kind), "key", FACTORY)


def test_the_top_has_bounds():
    rows = top(table(STREAM), "key", 20, memory="64KiB")
    true = dict(zip(*np.unique(STREAM, return_counts=True), strict=True))
    assert len(rows) == 20
    for row in rows:
        assert row.lower <= true[row.key] <= row.upper
