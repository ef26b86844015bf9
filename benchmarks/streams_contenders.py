"""Who counts streams, ours and others: how to begin, and how defaults differ. A library that is missing is left out."""

import ctypes
import os
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from beforehand.streams import CountMin, SpaceSaving

# Names a library around the header of apache/datasketches-cpp, which holds its sketch behind functions of C:
#   void* ds_new(int lg); void ds_free(void*); void ds_update(void*, const uint64_t* keys, size_t n);
#   void ds_query(void*, const uint64_t* keys, size_t n, uint64_t* lower, uint64_t* estimate, uint64_t* upper)
DATASKETCHES = "BEFOREHAND_DATASKETCHES"
CAPACITY, LG = 16_384, 15  # a table of 2^15, three quarters full at most, is the least that holds as many
WIDTH, TOP = 65_536, 100
COUNTERS, ROWS = f"{CAPACITY:,} counters", f"4 rows of {WIDTH:,}"

Job = Callable[[Any], Any]  # counts the whole stream that it is given


class Contender(NamedTuple):
    """How it counts, and what it is given: an array, or a list of Python objects."""

    count: Job
    listed: bool
    package: str
    differs: str


class NativeDataSketches:
    """The frequent items sketch of apache/datasketches-cpp, without Python around each item."""

    def __init__(self, lg: int) -> None:
        self._library = ctypes.CDLL(os.environ[DATASKETCHES])
        self._library.ds_new.restype = ctypes.c_void_p
        self._sketch = ctypes.c_void_p(self._library.ds_new(lg))

    def update(self, keys: np.ndarray) -> None:
        """Count an array of uint64."""
        self._library.ds_update(self._sketch, _pointer(keys), ctypes.c_size_t(len(keys)))

    def query(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lower bounds, estimates and upper bounds."""
        found = [np.empty(len(keys), np.uint64) for _ in range(3)]
        self._library.ds_query(self._sketch, _pointer(keys), ctypes.c_size_t(len(keys)), *map(_pointer, found))
        return found[0], found[1], found[2]

    def __del__(self) -> None:
        """Free its memory."""
        self._library.ds_free(self._sketch)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def ours(make: Callable[[], Any]) -> Job:
    """One call for the whole stream."""

    def count(keys: Any) -> Any:
        summary = make()
        summary.update(keys)
        return summary

    return count


def each_batch(make: Callable[[], Any], method: str) -> Job:
    """One call of another name for the whole stream."""
    return lambda keys: getattr(make(), method)(keys)


def each(make: Callable[[], Any], method: str = "update") -> Job:
    """One call for each key, as these libraries want it."""

    def count(keys: Any) -> Any:
        sketch = make()
        update = getattr(sketch, method)
        for key in keys:
            update(key)
        return sketch

    return count


def native(lg: int) -> Job:
    """DataSketches in C++."""
    return ours(lambda: NativeDataSketches(lg))


def duckdb(query: str) -> Job:
    """One thread, on an Arrow table that shares the array's memory."""

    def count(keys: Any) -> Any:
        import duckdb
        import pyarrow

        connection = duckdb.connect(config={"threads": 1})
        connection.register("stream", pyarrow.table({"k": keys}))
        return connection.execute(query).fetchall()

    return count


def chdb(keys: Any) -> Any:
    """ClickHouse in this process, one thread."""
    import chdb
    import pyarrow

    stream = pyarrow.table({"k": keys})  # noqa: F841, read by the query
    return chdb.query(f"SELECT topK({TOP})(k) FROM Python(stream) SETTINGS max_threads = 1")


def polars(keys: Any) -> Any:
    """Exact counts."""
    import polars

    return polars.Series(keys).value_counts()


def pandas(keys: Any) -> Any:
    """Exact counts."""
    import pandas

    return pandas.Series(keys).value_counts(sort=False)


def summaries() -> dict[str, Contender]:
    """Ours, for keys of any kind."""
    found = {
        f"beforehand {policy}": Contender(
            ours(lambda policy=policy: SpaceSaving(capacity=CAPACITY, policy=policy)), False, "beforehand", COUNTERS
        )
        for policy in ("exact", "assoc", "filtered", "gated")
    }
    for name, conservative in (("", True), (", plain", False)):
        found[f"beforehand Count-Min{name}"] = Contender(
            ours(lambda conservative=conservative: CountMin(width=WIDTH, conservative=conservative)),
            False, "beforehand", ROWS,
        )  # fmt: skip
    return found


def integers() -> dict[str, Contender]:
    """Others, for integers."""
    found = {}
    if os.environ.get(DATASKETCHES):
        for lg in (LG - 1, LG):
            found[f"DataSketches C++, 2^{lg}"] = Contender(
                native(lg), False, "", f"{3 << lg - 2:,} counters; no Python"
            )
    if find_spec("datasketches"):
        import datasketches as ds

        found["datasketches frequent items"] = Contender(
            each(lambda: ds.frequent_items_sketch(LG)), True, "datasketches", f"{3 << LG - 2:,} counters"
        )
        found["datasketches Count-Min"] = Contender(
            each(lambda: ds.count_min_sketch(4, WIDTH)), True, "datasketches", ROWS
        )
    if find_spec("river"):
        import river.sketch as river

        found["river HeavyHitters"] = Contender(
            each(lambda: river.HeavyHitters(support=0.5 / CAPACITY, epsilon=1 / CAPACITY)),
            True,
            "river",
            "lossy counting",
        )
    found["numpy unique"] = Contender(np.unique_counts, False, "numpy", "exact")
    return found | exact()


def strings() -> dict[str, Contender]:
    """Others, for lists of str."""
    found = {}
    if find_spec("datasketches"):
        import datasketches as ds

        found["datasketches frequent strings"] = Contender(
            each(lambda: ds.frequent_strings_sketch(LG)), True, "datasketches", f"{3 << LG - 2:,} counters"
        )
    if find_spec("heavykeeper"):
        import heavykeeper as hk

        found["heavykeeper"] = Contender(
            each_batch(lambda: hk.HeavyKeeper(CAPACITY, WIDTH, 4, 0.9), "add_bulk"), True, "heavykeeper", "no bounds"
        )
    if find_spec("bounter"):
        import bounter

        found["bounter Count-Min"] = Contender(
            each_batch(lambda: bounter.CountMinSketch(width=WIDTH, depth=4), "update"), True, "bounter", ROWS
        )
    if find_spec("probables"):
        import probables

        found["pyprobables Count-Min"] = Contender(
            each(lambda: probables.CountMinSketch(width=WIDTH, depth=4), "add"), True, "pyprobables", ROWS
        )
    return found | exact()


def exact() -> dict[str, Contender]:
    """Those that count exactly, or leave it to a data base."""
    found = {"collections.Counter": Contender(Counter, True, "", "exact")}
    if find_spec("pandas"):
        found["pandas value_counts"] = Contender(pandas, False, "pandas", "exact")
    if find_spec("polars"):
        found["polars value_counts"] = Contender(polars, False, "polars", "exact; all threads")
    if find_spec("duckdb"):
        found["DuckDB approx_top_k"] = Contender(
            duckdb(f"SELECT approx_top_k(k, {TOP}) FROM stream"), False, "duckdb", f"{TOP} keys without counts"
        )
        groups = f"SELECT k, count(*) AS n FROM stream GROUP BY k ORDER BY n DESC LIMIT {TOP}"
        found["DuckDB GROUP BY"] = Contender(duckdb(groups), False, "duckdb", "exact")
    if find_spec("chdb"):
        found["ClickHouse topK"] = Contender(chdb, False, "chdb", f"{TOP} keys without counts")
    return found


def version_of(contender: Contender) -> str:
    """The version of its package, if it is one."""
    return version(contender.package) if contender.package else "-"
