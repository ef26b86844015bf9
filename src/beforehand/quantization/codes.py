"""Values rounded to levels, and packed into as few bits as the number of levels takes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization.inputs import Values, as_values, narrow, whole, widen
from beforehand.quantization.levels import MOST_LEVELS, OBJECTIVES, Levels
from beforehand.quantization.outputs import as_target, decoded_dtype, select
from beforehand.quantization.rotation import NO_AXIS, ROUNDS, check_below, check_rotation, decode_rotated

DTYPES = ("float64", "float32", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "int64")
METHODS = ("uniform", "histogram", "exact", "given", "rotation")
MOST_AXES = 8
Outside = Literal["raise", "clip"]


@final
@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Codes:
    """An array as the numbers of its levels: what `encode` returns and `decode` reads. Immutable.

    Guarantee:
        `Codes.from_bytes(codes.to_bytes()) == codes`, on every machine and in every later version. Bytes that
        `to_bytes` did not return are refused, whatever they hold, before memory is taken for what they claim.

    Cost:
        One bytes object, the same that `to_bytes` returns; `from_bytes` keeps the one that it is given, and reads it
        once.

    Example:
        >>> codes = encode([0.0, 0.5, 4.0], [0.0, 1.0, 2.0, 4.0], seed=1)
        >>> codes
        Codes(shape=(3,), dtype='float64', bits=2, s=4, method='given', objective='unbiased')
        >>> Codes.from_bytes(codes.to_bytes()) == codes
        True
    """

    _data: bytes
    _header: _native.CodesHeader

    @classmethod
    def from_bytes(cls, data: Any) -> "Codes":
        """Read what `to_bytes` returned.

        Raises:
            CorruptData: These are not all the bytes that `to_bytes` returned, or not only these.
        """
        try:
            kept = data if isinstance(data, bytes) else bytes(memoryview(data))
        except TypeError:
            raise InvalidInput(f"data is a {type(data).__name__}, but must be bytes; read them from the file") from None
        codes = cls(kept, _native.open_codes(kept))
        if not _can_hold(codes.levels, codes.dtype):
            raise CorruptData(
                f"these {len(kept)} bytes are no Codes, as levels are beyond {codes.dtype}; "
                "pass all that to_bytes() returned"
            )
        return codes

    def to_bytes(self) -> bytes:
        """The whole as bytes, with a checksum; no copy is made."""
        return self._data

    def indices(self) -> NDArray[Any]:
        """The number of each value's level in its table, as uint8 or, above 256 levels, uint16.

        Raises:
            InvalidInput: The method is "rotation", where levels stand for rotated values.
        """
        if self.method == "rotation":
            raise InvalidInput('method is "rotation", where no code belongs to a single value; decode all of them')
        out = np.empty(self.shape, np.uint8 if self.s <= 256 else np.uint16)
        _native.code_indices(self._header, self._data, out.reshape(-1))
        return out

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the source."""
        return tuple(self._header.shape)

    @property
    def dtype(self) -> str:
        """The dtype of the source, by name: numpy has no bfloat16."""
        return DTYPES[self._header.dtype]

    @property
    def bits(self) -> int:
        """Bits of each code, 0 to 16."""
        return self._header.bits

    @property
    def s(self) -> int:
        """The most levels that a group has."""
        return self._header.s

    @property
    def method(self) -> str:
        """How the levels were found: "uniform", "histogram", "exact", "given" or "rotation"."""
        return METHODS[self._header.method]

    @property
    def objective(self) -> str:
        """How values were rounded: "unbiased" or "mse"."""
        return list(OBJECTIVES)[self._header.objective]

    @property
    def levels(self) -> NDArray[Any]:
        """The table, `(s,)`, or the tables, `(groups, s)`, short ones padded with their last level; read-only."""
        groups, s = self._header.tables, self.s
        dtype = np.dtype(np.float32 if self._header.single else np.float64)
        table = np.frombuffer(self._data, dtype, groups * s, self._header.levels_at)
        return table if groups == 1 else table.reshape(groups, s)

    @property
    def seed(self) -> int:
        """What the rounding or the rotation was drawn from; 0 if nothing was random."""
        return self._header.seed

    @property
    def stream(self) -> int:
        """Which of the seed's streams was drawn from; 0 if nothing was random."""
        return self._header.stream

    @property
    def clipped(self) -> int:
        """How many values lay outside their levels and went to the end level."""
        return self._header.clipped

    @property
    def nbytes(self) -> int:
        """The length of `to_bytes()`."""
        return len(self._data)

    @property
    def bits_per_value(self) -> float:
        """All bits, those of levels and header too, over the number of values."""
        return 8 * self.nbytes / max(1, math.prod(self.shape))

    def __len__(self) -> int:
        """The length of axis 0."""
        if not self.shape:
            raise TypeError("codes of a 0-d array have no length")
        return self.shape[0]

    def __eq__(self, other: object) -> bool:
        """Whether the bytes are the same."""
        return self._data == other._data if isinstance(other, Codes) else NotImplemented

    def __hash__(self) -> int:
        """The hash of the bytes."""
        return hash(self._data)

    def __reduce__(self) -> tuple[Callable[[bytes], "Codes"], tuple[bytes]]:
        """Pickles as bytes."""
        return Codes.from_bytes, (self._data,)

    def __repr__(self) -> str:
        """What is coded, and how."""
        names = ("shape", "dtype", "bits", "s", "method", "objective")
        return f"Codes({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def encode(
    x: Any,
    levels: Any,
    *,
    seed: int | None = None,
    stream: int = 0,
    outside: Outside = "raise",
    threads: int = 1,
) -> Codes:
    """Round each value to one of its two neighbouring levels, at random so that the mean is the value, and pack.

    Args:
        x: The values, of any shape and of a dtype that `levels` accepts.
        levels: What `levels()` returned, for "mse" then to the nearest level and without chance; or the levels
            themselves, strictly ascending, 1-D. Several tables need `x` of the shape that they were made for. Those of
            method "rotation" rotate `x` at random and then round to the nearest.
        seed: From 0 to 2**64 - 1; needed unless nothing is random.
        stream: From 0 to 2**56 - 1; another one for each worker, step and layer.
        outside: Values beyond the end levels: "raise", or "clip" them to the end level, which is biased.
        threads: At most so many. The codes never depend on it.

    Guarantee:
        Unbiased: the mean over seeds or streams is the value to within 2**-22 of the gap between its levels; a value
        that equals a level is kept exactly. The same (x, levels, seed, stream) gives the same bytes on every machine.
        Noise belongs to the position in `x`, so equal values are rounded independently. With rotation the decoded
        array is unbiased over seeds and streams, for "unbiased", while no single seed keeps a value exactly.

    Cost:
        Some 3 to 8 ns a value up to 16 levels and 6 to 13 up to 256, but 33 where neighbours have different tables
        (`axis` is the last one); with rotation 8 to 13. Releases the GIL above 10,000 values.

    Raises:
        InvalidInput: `x` holds NaN, infinity or values outside its levels; the levels do not ascend, do not fit `x`, or
            its dtype cannot hold them; `seed` is missing.

    Example:
        >>> codes = encode([0.0, 0.5, 4.0], [0.0, 1.0, 2.0, 4.0], seed=1)
        >>> codes.indices(), codes.bits
        (array([0, 0, 3], dtype=uint8), 2)

    Reference:
        Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: Optimal and Near-Optimal Adaptive Vector Quantization,
        arXiv:2402.03158.
    """
    values = as_values(x)
    if len(values.shape) > MOST_AXES:
        raise InvalidInput(f"x has {len(values.shape)} axes, but codes have at most {MOST_AXES}; reshape it")
    made = levels if isinstance(levels, Levels) else None
    table, counts = _tables(made, values) if made else _given(levels, values)
    if not _can_hold(table, values.dtype):
        raise InvalidInput(
            f"levels reach from {table.min()} to {table.max()}, but x has dtype {values.dtype}, which cannot hold them "
            "when decoding; convert x to float32 first"
        )
    if outside not in ("raise", "clip"):
        raise InvalidInput(f"outside is {outside!r}, but must be 'raise' or 'clip'")
    _check_threads(threads)
    check_below("stream", stream, 56)
    if seed is not None:
        check_below("seed", seed, 64)
    objective = made.objective if made else "unbiased"
    rotated = made is not None and made.method == "rotation"
    random = rotated or (objective == "unbiased" and table.shape[1] > 1)
    if random and seed is None:
        raise InvalidInput("seed is None, but this rounding is random; pass a seed from 0 to 2**64 - 1")

    axis, block = (made.axis, made.block) if made and (rotated or len(counts) > 1) else (None, None)
    if rotated:
        check_rotation(table.shape[1], block)
        if axis is not None and not -len(values.shape) <= axis < len(values.shape):
            raise InvalidInput(f"levels have axis {axis}, but x has {len(values.shape)} dimensions; make levels for x")
        axis = axis if values.data.size else None  # a group must have an index
    header = _native.CodesHeader(
        method=METHODS.index(made.method if made else "given"),
        objective=OBJECTIVES[objective],
        dtype=DTYPES.index(values.dtype),
        single=values.level_dtype == np.float32,
        grouped=1 if axis is not None else 2 if block is not None and not rotated else 0,
        axis=NO_AXIS if axis is None else axis % len(values.shape),
        s=table.shape[1],
        block=block or 0,
        rounds=ROUNDS if rotated else 0,
        seed=seed if random and seed is not None else 0,
        stream=stream if random else 0,
        shape=list(values.shape),
    )
    flat = values.data.reshape(-1)
    if rotated:
        data = _native.encode_rotated(header, flat, values.table, table.reshape(-1), threads)
    else:
        data = _native.encode_codes(header, flat, values.table, table.reshape(-1), counts, outside == "clip", threads)
    return Codes(data, _native.open_codes_header(data))


def decode(codes: Codes, *, rows: Any = None, out: Any = None, threads: int = 1) -> NDArray[Any]:
    """Turn codes back into the levels that they stand for.

    Args:
        codes: What `encode` returned.
        rows: Only these indices of axis 0: an int, a slice, or an array of ints. No other row is touched. With rotation
            only if each row was rotated by itself: with `axis=0`, or in blocks that no two rows share.
        out: Where to: a contiguous array, or a CPU tensor with `__dlpack__`, of the result's shape and dtype, or
            bfloat16 for codes of bfloat16. It is returned.
        threads: At most so many.

    Returns:
        An array of the source's dtype; float32 for bfloat16, and the dtype of the levels for integers.

    Cost:
        About 0.3 ns a value for 16 levels in one table, else 1 to 2 ns; with rotation 4 to 8. Releases the GIL above
        10,000 values.

    Raises:
        InvalidInput: `rows` are beyond axis 0, or were rotated together; `out` does not fit.

    Example:
        >>> codes = encode([[0.0, 2.0], [4.0, 1.0]], [0.0, 1.0, 2.0, 4.0], seed=1)
        >>> decode(codes)
        array([[0., 2.],
               [4., 1.]])
        >>> decode(codes, rows=-1)
        array([4., 1.])
    """
    if not isinstance(codes, Codes):
        raise InvalidInput(f"codes are a {type(codes).__name__}, but must be Codes; pass what encode() returned")
    _check_threads(threads)
    first, chosen, shape = select(codes.shape, rows)
    row = math.prod(codes.shape[1:])
    levels = codes.levels
    dtype = decoded_dtype(codes.dtype, levels.dtype)
    target, half = (np.empty(shape, dtype), False) if out is None else as_target(out, shape, dtype, codes.dtype)
    result: NDArray[Any] = target if out is None else out
    if codes.method == "rotation":
        if rows is not None and chosen is None:
            chosen = np.arange(first, first + shape[0])
        decode_rotated(codes._header, codes._data, chosen, threads, target, half)
        return result
    with np.errstate(under="ignore"):
        items = narrow(levels) if half else levels.astype(dtype)
    _native.decode_codes(
        codes._header,
        codes._data,
        items.reshape(-1),
        first * row,
        chosen,
        0 if chosen is None else row,
        threads,
        target.reshape(-1),
    )
    return result


def _tables(levels: Levels, values: Values) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The tables in the level dtype of these values, and how many levels of each count."""
    tables = levels.values.reshape(-1, levels.values.shape[-1])
    counts = np.full(len(tables), tables.shape[1]) if levels.counts is None else np.array(levels.counts, np.int64)
    if len(tables) > 1 and values.shape != levels.shape:
        raise InvalidInput(
            f"x has shape {values.shape}, but levels are {len(tables)} tables for shape {levels.shape}; "
            "pass data of that shape, or levels without axis and block"
        )
    if counts.shape != (len(tables),) or counts.min() < 1 or counts.max() > tables.shape[1]:
        raise InvalidInput(f"levels have counts {counts}, but each of {len(tables)} tables has 1 to {tables.shape[1]}")
    return _as_level_dtype(tables, values), counts


def _given(levels: Any, values: Values) -> tuple[NDArray[Any], NDArray[np.int64]]:
    try:
        table = np.asarray(levels, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"levels are a {type(levels).__name__}, but must be Levels or numbers") from None
    if table.ndim != 1 or not 1 <= table.size <= MOST_LEVELS:
        raise InvalidInput(f"levels have shape {table.shape}, but must be 1-D, and from 1 to {MOST_LEVELS}")
    if not np.isfinite(table).all() or (table[1:] <= table[:-1]).any():
        raise InvalidInput("levels must be finite and ascend strictly; pass np.unique(levels)")
    return _as_level_dtype(table.reshape(1, -1), values), np.array([table.size])


def _as_level_dtype(tables: NDArray[Any], values: Values) -> NDArray[Any]:
    with np.errstate(over="ignore", under="ignore"):
        cast: NDArray[Any] = np.ascontiguousarray(tables, values.level_dtype) + 0  # -0.0 becomes 0.0
    if not np.isfinite(cast).all():
        raise InvalidInput(
            f"levels reach from {tables.min()} to {tables.max()}, but for x of dtype {values.dtype} they must be "
            f"finite as {values.level_dtype}; convert x to float64 first"
        )
    return cast


def _can_hold(levels: NDArray[Any], dtype: str) -> bool:
    """Whether decoding to the source's own dtype keeps all levels finite."""
    with np.errstate(over="ignore", under="ignore"):
        if dtype == "float16":
            return bool(np.isfinite(levels.astype(np.float16)).all())
        return dtype != "bfloat16" or bool(np.isfinite(widen(narrow(levels))).all())


def _check_threads(threads: int) -> None:
    if whole("threads", threads) < 1:
        raise InvalidInput(f"threads is {threads}, but must be at least 1")
