from collections.abc import Sequence
import enum
from typing import Annotated, Final

import numpy
from numpy.typing import NDArray

Array = Annotated[NDArray, dict(order='C', device='cpu', writable=False)]
Float32Column = Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]
Float64Column = Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]
Float64Matrix = Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]
Int64Column = Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]
OutArray = Annotated[NDArray, dict(order='C', device='cpu')]
OutFloat64Array = Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]
OutFloat64Column = Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]
OutInt64Column = Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]
StridedArray = Annotated[NDArray, dict(device='cpu', writable=False)]
StridedFloat64Column = Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]
StridedOutArray = Annotated[NDArray, dict(device='cpu')]
StridedUint16Array = Annotated[NDArray[numpy.uint16], dict(writable=False)]
Uint64Column = Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu', writable=False)]


class CodesHeader:
    def __init__(self, *, method: Method, objective: Objective, dtype: Dtype, n_levels: int, axis: int | None, block: int | None, rounds: int, seed: int, stream: int, shape: Sequence[int]) -> None: ...

    @property
    def method(self) -> Method: ...

    @property
    def objective(self) -> Objective: ...

    @property
    def dtype(self) -> Dtype: ...

    @property
    def n_levels(self) -> int: ...

    @property
    def axis(self) -> int | None: ...

    @property
    def block(self) -> int: ...

    @property
    def seed(self) -> int: ...

    @property
    def stream(self) -> int: ...

    @property
    def shape(self) -> list[int]: ...

    @property
    def clipped(self) -> int: ...

    @property
    def bits(self) -> int: ...

    @property
    def tables(self) -> int: ...

    @property
    def levels_at(self) -> int: ...

def encode_codes(header: CodesHeader, values: Values, levels: Array, counts: Int64Column, *, clip: bool, threads: int) -> tuple[bytes, CodesHeader]: ...

def open_codes(data: bytes) -> CodesHeader: ...

def decode_codes(header: CodesHeader, data: bytes, levels: Array, *, first: int, rows: Int64Column | None, row: int, threads: int, out: OutArray) -> None: ...

def code_indices(header: CodesHeader, data: bytes, out: OutArray) -> None: ...

def bfloat16_bits(tensor: StridedArray) -> StridedUint16Array | None: ...

def writable(tensor: StridedOutArray) -> NDArray: ...

class Stream(enum.Enum):
    gap = 0

    size = 1

    expensive = 2

    cheap = 3

def uniforms(seed: int, stream: Stream, first: int, out: OutFloat64Column) -> None: ...

def exponentials(seed: int, stream: Stream, first: int, out: OutFloat64Column) -> None: ...

class Order(enum.Enum):
    fcfs = 0

    remaining = 1

    size = 2

    pinned = 3

    attained = 4

class Stage:
    def __init__(self, *, band: int, order: Order, fixed: float, per_key: float, prediction: bool) -> None: ...

    MOST_BAND: Final[int] = ...
    """(arg: object, /) -> int"""

class Stages:
    def __init__(self, *, long: Sequence[Stage], short: Sequence[Stage], threshold: float, by_cheap: bool, start_pins: bool) -> None: ...

class Tallies:
    @property
    def jobs(self) -> StridedFloat64Column: ...

    @property
    def response(self) -> StridedFloat64Column: ...

    @property
    def slowdown(self) -> StridedFloat64Column: ...

    @property
    def short_jobs(self) -> StridedFloat64Column: ...

    @property
    def short_response(self) -> StridedFloat64Column: ...

    @property
    def interruptions(self) -> StridedFloat64Column: ...

    @property
    def demotions(self) -> StridedFloat64Column: ...

    @property
    def cheap_calls(self) -> StridedFloat64Column: ...

    @property
    def expensive_calls(self) -> StridedFloat64Column: ...

    @property
    def busy(self) -> StridedFloat64Column: ...

    @property
    def found(self) -> StridedFloat64Column: ...

    @property
    def work(self) -> StridedFloat64Column: ...

    @property
    def gaps(self) -> StridedFloat64Column: ...

    @property
    def memory(self) -> StridedFloat64Column: ...

class Engine:
    def __init__(self, stages: Stages, *, servers: int, switch_fixed: float, switch_per_age: float, jobs: int, warmup: int, batches: int) -> None: ...

    def arrive(self, *, arrival: Float64Column, size: Float64Column, expensive: Float64Column | None, cheap: Float64Column | None, start: OutFloat64Column, completion: OutFloat64Column) -> None: ...

    def finish(self, *, start: OutFloat64Column, completion: OutFloat64Column) -> None: ...

    @property
    def tallies(self) -> Tallies: ...

    def quantile(self, share: float) -> float: ...

    @property
    def slowest(self) -> float: ...

    @property
    def peak_memory(self) -> float: ...

def hadamard_stages(x: OutArray, *, lo: int = 0, hi: int | None = None, seed: int = 0, stream: int = 0, signs: str | None = None, threads: int = 1) -> None: ...

class BucketLevels:
    @property
    def levels(self) -> NDArray[numpy.float64]: ...

    @property
    def squared_error(self) -> float: ...

    @property
    def gap(self) -> float | None: ...

class Histogram:
    def __init__(self, center: float, scale: float, bins: int) -> None: ...

    @staticmethod
    def like(values: Values, bins: int) -> Histogram: ...

    def copy(self) -> Histogram: ...

    def update(self, values: Values, weights: Float64Column | None) -> None: ...

    def merge(self, other: Histogram) -> None: ...

    def levels(self, n_levels: int, objective: Objective, certify: bool) -> BucketLevels: ...

    def norm(self) -> float: ...

    def to_bytes(self) -> bytes: ...

    @staticmethod
    def from_bytes(data: bytes) -> Histogram: ...

    def check_invariants(self) -> None: ...

    @property
    def settled(self) -> bool: ...

    @property
    def center(self) -> float: ...

    @property
    def scale(self) -> float: ...

    @property
    def bins(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def total_weight(self) -> float: ...

    @property
    def minimum(self) -> float: ...

    @property
    def maximum(self) -> float: ...

    @property
    def buckets(self) -> int: ...

class Keys:
    def __init__(self, keys: object | None, seed: int) -> None: ...

    @property
    def kind(self) -> str: ...

    @property
    def scalar(self) -> bool: ...

    @property
    def nulls(self) -> int: ...

    def __len__(self) -> int: ...

    def ids(self) -> NDArray[numpy.uint64]: ...

    def take(self, rows: Uint64Column) -> object: ...

class Cost:
    @property
    def group_squared_error(self) -> NDArray[numpy.float64]: ...

    @property
    def squared_error(self) -> float: ...

    @property
    def vnmse(self) -> float: ...

    @property
    def gap(self) -> float | None: ...

class LevelTables:
    @property
    def levels(self) -> NDArray: ...

    @property
    def counts(self) -> NDArray[numpy.int64]: ...

    @property
    def grid_index(self) -> NDArray[numpy.int64] | None: ...

    @property
    def cost(self) -> Cost: ...

def levels(values: Values, grouping: Grouping, *, method: Method, objective: Objective, n_levels: int, bins: int = 4096, weights: Float64Column | None = None, weight_unit: float = 1.0, ascending: OutArray | None = None, grid: Float64Column | None = None, certify: bool = False, score: bool = True, threads: int = 1) -> LevelTables: ...

def sort(x: Values) -> NDArray: ...

def score_levels(values: Values, grouping: Grouping, levels: Float64Matrix, counts: Int64Column, objective: Objective, weights: Float64Column | None = None, weight_unit: float = 1.0) -> Cost: ...

def ranges(values: Values, grouping: Grouping) -> NDArray[numpy.float64]: ...

class Rows:
    def __init__(self, *, key: Float64Column, size: Float64Column, weight: Float64Column, gate: Float64Column, position: Int64Column) -> None: ...

class Phase:
    def __init__(self, *, rate: float, base: float, others: float, before: float, least: float, attained: float) -> None: ...

class Sums:
    @property
    def time(self) -> float: ...

    @property
    def memory(self) -> float: ...

    @property
    def interruptions(self) -> float: ...

class Moments:
    @property
    def weight(self) -> float: ...

    @property
    def work(self) -> float: ...

    @property
    def squares(self) -> float: ...

class Classes:
    @property
    def below(self) -> Moments: ...

    @property
    def others(self) -> Moments: ...

def sorted_positions(x: Float64Column, out: OutInt64Column) -> None: ...

def sweep_remaining(keys: Rows, starts: Rows, phase: Phase, fraction: float, times: OutFloat64Column | None) -> Sums: ...

def sweep_size(keys: Rows, phase: Phase, preemptive: bool, times: OutFloat64Column | None) -> Sums: ...

def sweep_attained(sizes: Rows, rate: float, times: OutFloat64Column | None) -> float: ...

def split_at(size: Float64Column, weight: Float64Column, gate: Float64Column, least: float) -> Classes: ...

def uniforms_at(counters: Uint64Column, seed: int, stream: int, out: OutFloat64Column) -> None: ...

def rotate(x: OutArray, seed: int, stream: int, rounds: int, inverse: bool) -> None: ...

def decode_rotated(header: CodesHeader, data: bytes, *, rows: Int64Column | None, row: int, threads: int, out: OutArray) -> None: ...

def normal_tail(x: OutFloat64Array) -> None: ...

def normal_quantile(x: OutFloat64Array) -> None: ...

def gamma_tail(a: float, x: OutFloat64Array) -> None: ...

class Objective(enum.Enum):
    unbiased = 0

    mse = 1

class Method(enum.Enum):
    uniform = 0

    histogram = 1

    exact = 2

    given = 3

    rotation = 4

class Dtype(enum.Enum):
    float64 = 0

    float32 = 1

    float16 = 2

    bfloat16 = 3

    int8 = 4

    uint8 = 5

    int16 = 6

    uint16 = 7

    int32 = 8

    int64 = 9

class Grouping:
    def __init__(self, outer: int, groups: int, inner: int, block: int = 0) -> None: ...

    @property
    def outer(self) -> int: ...

    @property
    def groups(self) -> int: ...

    @property
    def inner(self) -> int: ...

    @property
    def block(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def largest(self) -> int: ...

class Values:
    def __init__(self, data: Array, lookup: Float32Column | None = None) -> None: ...
