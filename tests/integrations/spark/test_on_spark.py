"""On a real local Spark, which needs Java; `make test-spark` runs these."""

from functools import partial

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.spark import summary, top
from beforehand.streams import SpaceSaving

pytestmark = pytest.mark.spark

TYPES = {
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "string": "string",
    "binary": "binary",
}


@pytest.fixture(scope="module")
def table(spark):
    """Key k comes k times, k from 0 to 99, in seven partitions, with a null for each."""
    return (
        spark.sql("select k, explode(sequence(0, k)) n from (select cast(id as int) k from range(100))")
        .selectExpr("case when n = 0 then null else k end k")
        .repartition(7)
    )


@pytest.mark.parametrize("kind", TYPES)
def test_a_column_of_each_type_is_counted_with_its_nulls(table, kind):
    column = "cast(cast(k as string) as binary)" if kind == "binary" else f"cast(k as {TYPES[kind]})"
    made = summary(table.selectExpr(f"{column} key"), "key", partial(SpaceSaving, capacity=200))
    assert (made.total, made.skipped) == (99 * 100 // 2, 100)
    name = {"string": str, "binary": lambda key: str(key).encode()}.get(kind, int)
    assert [row[:2] for row in made.top(3)] == [(name(99), 99.0), (name(98), 98.0), (name(97), 97.0)]


def test_bounds_hold_where_counters_are_too_few(table):
    made = summary(table, "k", partial(SpaceSaving, capacity=20))
    lower, upper = made.bounds(list(range(1, 100)))
    assert all(low <= key <= high for key, low, high in zip(range(1, 100), lower.tolist(), upper.tolist(), strict=True))
    assert made.error_bound <= 99 * 100 / 2 / 20


def test_the_top_of_an_expression(table, spark):
    rows = top(table, table.k % 10, 10, memory="64KiB").to_list()
    assert {row.key: row.lower for row in rows} == {digit: sum(range(digit, 100, 10)) for digit in range(10)}


def test_the_column_may_have_a_dot_in_its_name(table):
    made = summary(table.withColumnRenamed("k", "a.k"), "`a.k`", partial(SpaceSaving, capacity=100))
    assert made.top(1).to_list()[0].key == 99


def test_the_top_is_that_of_sparks_own_and_has_bounds(spark):
    table = spark.sql("select cast(pow(rand(1), -0.8) as bigint) % 50000 key from range(200000)").cache()
    true = {row.key: row["count"] for row in table.groupBy("key").count().collect()}
    own = table.selectExpr("approx_top_k(key, 20, 1000) top").collect()[0].top
    rows = top(table, "key", 20, memory="16KiB").to_list()
    assert [row.key for row in rows[:10]] == [item.item for item in own[:10]]
    assert all(row.lower <= true[row.key] <= row.upper for row in rows)


def test_a_table_without_rows_has_an_empty_summary(spark):
    empty = spark.createDataFrame([], "key string")
    assert summary(empty, "key", partial(SpaceSaving, capacity=2)).total == 0


@pytest.mark.parametrize("kind", ["double", "boolean", "date", "decimal(10, 2)"])
def test_a_column_that_holds_no_keys_is_refused(table, kind):
    with pytest.raises(InvalidInput, match="but keys are integers, strings or binary; cast it"):
        summary(table.selectExpr(f"cast(cast(k as string) as {kind}) key"), "key", partial(SpaceSaving, capacity=2))
