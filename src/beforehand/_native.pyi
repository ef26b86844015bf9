from collections.abc import Sequence
import enum
from typing import Annotated

import numpy
from numpy.typing import NDArray


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

def encode_codes(header: CodesHeader, values: Values, levels: Annotated[NDArray, dict(order='C', device='cpu', writable=False)], counts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], *, clip: bool, threads: int) -> tuple[bytes, CodesHeader]: ...

def open_codes(data: bytes) -> CodesHeader: ...

def decode_codes(header: CodesHeader, data: bytes, levels: Annotated[NDArray, dict(order='C', device='cpu', writable=False)], *, first: int, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, row: int, threads: int, out: Annotated[NDArray, dict(order='C', device='cpu')]) -> None: ...

def code_indices(header: CodesHeader, data: bytes, out: Annotated[NDArray, dict(order='C', device='cpu')]) -> None: ...

def bfloat16_bits(tensor: Annotated[NDArray, dict(device='cpu', writable=False)]) -> Annotated[NDArray[numpy.uint16], dict(writable=False)] | None: ...

def writable(tensor: Annotated[NDArray, dict(device='cpu')]) -> NDArray: ...

class Stream(enum.Enum):
    gap = 0

    size = 1

    expensive = 2

    cheap = 3

def uniforms(seed: int, stream: Stream, first: int, out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

def exponentials(seed: int, stream: Stream, first: int, out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

class Order(enum.Enum):
    fcfs = 0

    remaining = 1

    size = 2

    pinned = 3

    attained = 4

class Stage:
    def __init__(self, *, band: int, order: Order, fixed: float, per_key: float, prediction: bool) -> None: ...

class Stages:
    def __init__(self, *, long: Sequence[Stage], short: Sequence[Stage], threshold: float, by_cheap: bool, start_pins: bool) -> None: ...

class Tallies:
    @property
    def jobs(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def response(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def slowdown(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def short_jobs(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def short_response(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def interruptions(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def demotions(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def cheap_calls(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def expensive_calls(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def busy(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def found(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def work(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def gaps(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def memory(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

class Engine:
    def __init__(self, stages: Stages, *, servers: int, switch_fixed: float, switch_per_age: float, jobs: int, warmup: int, batches: int) -> None: ...

    def arrive(self, *, arrival: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], size: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], expensive: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, cheap: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, start: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], completion: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    def finish(self, *, start: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], completion: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    @property
    def tallies(self) -> Tallies: ...

    def quantile(self, share: float) -> float: ...

    @property
    def slowest(self) -> float: ...

    @property
    def peak_memory(self) -> float: ...

def hadamard_stages(x: Annotated[NDArray, dict(order='C', device='cpu')], *, lo: int = 0, hi: int | None = None, seed: int = 0, stream: int = 0, signs: str | None = None, threads: int = 1) -> None: ...

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

    def update(self, values: Values, weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None) -> None: ...

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

def levels(values: Values, grouping: Grouping, *, method: Method, objective: Objective, n_levels: int, bins: int = 4096, weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, weight_unit: float = 1.0, grid: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, certify: bool = False, score: bool = True, threads: int = 1) -> LevelTables: ...

def score_levels(values: Values, grouping: Grouping, levels: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], counts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], objective: Objective) -> Cost: ...

def ranges(values: Values, grouping: Grouping) -> NDArray[numpy.float64]: ...

class Rows:
    def __init__(self, *, key: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], size: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], gate: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], position: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

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

def sorted_positions(x: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

def sweep_remaining(keys: Rows, starts: Rows, phase: Phase, fraction: float, times: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')] | None) -> Sums: ...

def sweep_size(keys: Rows, phase: Phase, preemptive: bool, times: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')] | None) -> Sums: ...

def sweep_attained(sizes: Rows, rate: float, times: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')] | None) -> float: ...

def split_at(size: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], gate: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], least: float) -> Classes: ...

def rotate(x: Annotated[NDArray, dict(order='C', device='cpu')], seed: int, stream: int, rounds: int, inverse: bool) -> None: ...

def decode_rotated(header: CodesHeader, data: bytes, *, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, row: int, threads: int, out: Annotated[NDArray, dict(order='C', device='cpu')]) -> None: ...

def normal_tail(x: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None: ...

def normal_quantile(x: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None: ...

def gamma_tail(a: float, x: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None: ...

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
    def count(self) -> int: ...

    @property
    def largest(self) -> int: ...

class Values:
    def __init__(self, data: Annotated[NDArray, dict(order='C', device='cpu', writable=False)], lookup: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None) -> None: ...
