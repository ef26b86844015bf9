"""A column of every Arrow type that an index holds, and bounds for it."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa

DAY = dt.date(2024, 2, 28)
NOON = dt.datetime(2024, 2, 28, 12)
UTC = NOON.replace(tzinfo=dt.UTC)
N = 400


def _spread(first, step):
    """Values in an order that leaves the bounds of row groups useless."""
    return [first + step * (i * 37 % N) for i in range(N)]


def _decimals(step):
    return [Decimal(step) * (i * 37 % N - N // 2) for i in range(N)]


WORDS = [f"{'abcdefghij'[i * 37 % 10]}{i * 37 % N:03d}" for i in range(N)]
TIMES = [(dt.datetime(2024, 1, 1) + dt.timedelta(seconds=200 * (i * 37 % N))).time() for i in range(N)]
DECIMALS = {
    "decimal32(9, 2)": (pa.decimal32(9, 2), "0.25"),
    "decimal64(18, 3)": (pa.decimal64(18, 3), "1.125"),
    "decimal128(18, 4)": (pa.decimal128(18, 4), "10000000.5"),
    "decimal128(38, 10)": (pa.decimal128(38, 10), "1234567890123456789.5"),
    "decimal256(76, 20)": (pa.decimal256(76, 20), "123456789012345678901234567890.5"),
}
COLUMNS = {
    **{f"int{bits}": pa.array(np.array(_spread(-100, 1), f"i{bits // 8}"), f"int{bits}")
       for bits in (16, 32, 64)},
    "int8": pa.array([i * 37 % 256 - 128 for i in range(N)], "int8"),
    "uint8": pa.array([i * 37 % 256 for i in range(N)], "uint8"),
    "uint16": pa.array(_spread(65_000 - N, 1), "uint16"),
    "uint32": pa.array(_spread(2**32 - 2 * N, 2), "uint32"),
    "uint64": pa.array(_spread(2**64 - 3 * N, 3), "uint64"),
    "halffloat": pa.array(np.array(_spread(-50, 0.25), np.float16)),
    "float": pa.array(np.array(_spread(-1, 0.1), np.float32)),
    "double": pa.array(_spread(-1e300, 1e297)),
    "date32": pa.array([DAY + dt.timedelta(days=i * 37 % N) for i in range(N)], "date32"),
    "date64": pa.array([DAY + dt.timedelta(days=i * 37 % N) for i in range(N)], "date64"),
    **{f"timestamp[{unit}]": pa.array([NOON + dt.timedelta(seconds=i * 37 % N) for i in range(N)], pa.timestamp(unit))
       for unit in ("s", "ms", "us", "ns")},
    "zoned": pa.array([UTC + dt.timedelta(seconds=i * 37 % N) for i in range(N)], pa.timestamp("us", "Asia/Tokyo")),
    "time32[s]": pa.array(TIMES, pa.time32("s")),
    "time32[ms]": pa.array(TIMES, pa.time32("ms")),
    "time64[us]": pa.array(TIMES, pa.time64("us")),
    "time64[ns]": pa.array(TIMES, pa.time64("ns")),
    "duration": pa.array([dt.timedelta(seconds=i * 37 % N) for i in range(N)], pa.duration("ms")),
    **{name: pa.array(_decimals(step), type_) for name, (type_, step) in DECIMALS.items()},
    "string": pa.array(WORDS),
    "large_string": pa.array(WORDS, pa.large_string()),
    "string_view": pa.array(WORDS, pa.string_view()),
    "binary": pa.array([word.encode() + b"\xff\x00" for word in WORDS], pa.binary()),
    "large_binary": pa.array([word.encode() for word in WORDS], pa.large_binary()),
    "binary_view": pa.array([word.encode() for word in WORDS], pa.binary_view()),
    "fixed_size_binary": pa.array([word.encode() for word in WORDS], pa.binary(4)),
    "dictionary": pa.array(WORDS).dictionary_encode(),
    "dictionary of dates": pa.array([DAY + dt.timedelta(days=i * 37 % N) for i in range(N)]).dictionary_encode(),
    "struct": pa.StructArray.from_arrays([pa.array(_spread(5, 7)), pa.array(WORDS)], ["number", "word"]),
}  # fmt: skip
MEMBER = {"struct": "x.number"}


def with_nulls(column):
    """The same with a null at every seventh place."""
    plain = {"string_view": pa.string(), "binary_view": pa.binary()}.get(str(column.type), column.type)
    places = pa.array([None if i % 7 == 3 else i for i in range(len(column))], pa.int64())
    return column.cast(plain).take(places).cast(column.type)


def values_of(name):
    """The distinct values of a column that ranges are asked about, in order."""
    found = COLUMNS[name].field(0) if name in MEMBER else COLUMNS[name]
    return sorted(set(found.to_pylist()))
