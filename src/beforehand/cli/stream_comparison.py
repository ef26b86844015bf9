"""Every policy, and the rivals that are installed, on one recorded stream."""

import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

if TYPE_CHECKING:
    from beforehand.streams.replay import Stream

SLOT = 18  # bytes that DataSketches takes for a number and its count; strings come on top
DICTIONARY = 100  # bytes that Python's dictionary takes for a number and its count


class Compared(NamedTuple):
    """What one design took, and how far off it was.

    Args:
        design: Its name.
        bytes: Memory of all that counts.
        weighted_error: Mean error over arrivals, as a share of the stream.
        rmse: Root mean square error over distinct keys, as a share of the stream.
        missed: Share of the 100 heaviest keys that it does not name; None where it names none.
        items_per_second: How fast it counted.
        violations: Keys outside their bounds; None where there are no certified bounds.
    """

    design: str
    bytes: int
    weighted_error: float
    rmse: float
    missed: float | None
    items_per_second: float
    violations: int | None


@final
class Dictionary:
    """Exact, in as much memory as that takes."""

    def __init__(self) -> None:
        self.counts: Counter[Any] = Counter()

    @property
    def nbytes(self) -> int:
        """About what it takes."""
        return DICTIONARY * len(self.counts)

    def update(self, keys: Any, weights: Any) -> None:
        """Count."""
        if weights is None:
            self.counts.update(_objects(keys))
        else:
            for key, weight in zip(_objects(keys), weights.tolist(), strict=True):
                self.counts[key] += weight

    def estimate(self, keys: Any) -> Any:
        """Their counts."""
        return np.array([self.counts[key] for key in _objects(keys)], np.float64)


@final
class DataSketches:
    """Frequent items of Apache DataSketches, with the most slots that fit."""

    def __init__(self, memory: int) -> None:
        slots = max(8, memory // SLOT)
        self._sketch = import_module("datasketches").frequent_items_sketch(slots.bit_length() - 1)
        self.nbytes = SLOT << (slots.bit_length() - 1)

    def update(self, keys: Any, weights: Any) -> None:
        """Count."""
        if weights is None:
            for key in _objects(keys):
                self._sketch.update(key)
        else:
            for key, weight in zip(_objects(keys), weights.tolist(), strict=True):
                self._sketch.update(key, weight)

    def estimate(self, keys: Any) -> Any:
        """What it says of them."""
        return np.array([self._sketch.get_estimate(key) for key in _objects(keys)], np.float64)


def _objects(keys: Any) -> list[Any]:
    return keys if isinstance(keys, list) else list(keys.tolist())


def compared(stream: "Stream", memory: int) -> list[Compared]:
    """All designs, in that much memory each, by their errors; what is exact comes last."""
    rows = [_run(stream, name, design) for name, design in _designs(memory)]
    return sorted(rows, key=lambda row: (row.design == "dictionary", row.weighted_error))


def _designs(memory: int) -> Iterator[tuple[str, Any]]:
    from beforehand.streams import CountMin, CountSketch, SpaceSaving

    for policy in ("gated", "filtered", "exact", "assoc"):
        yield policy, SpaceSaving(policy=policy, memory=memory)
    yield "conservative Count-Min", CountMin(memory=memory)
    yield "Count-Min", CountMin(memory=memory, conservative=False)
    yield "Count-Sketch", CountSketch(memory=memory)
    if find_spec("datasketches"):
        yield "DataSketches", DataSketches(memory)
    yield "dictionary", Dictionary()


def _run(stream: "Stream", name: str, design: Any) -> Compared:
    from beforehand.streams import CountSketch
    from beforehand.streams.replay import missed_share

    begun = time.process_time()
    design.update(stream.keys, stream.weights)
    seconds = time.process_time() - begun
    off = np.abs(design.estimate(stream.distinct) - stream.counts)
    violations = None
    if hasattr(design, "bounds") and not isinstance(design, CountSketch):
        lower, upper = design.bounds(stream.distinct)
        violations = int(np.count_nonzero((lower > stream.counts) | (stream.counts > upper)))
    return Compared(
        design=name,
        bytes=design.nbytes,
        weighted_error=float(stream.counts @ off) / stream.total**2,
        rmse=float(np.sqrt(np.mean(off**2))) / stream.total,
        missed=missed_share(stream, design) if hasattr(design, "top") else None,
        items_per_second=len(stream) / max(seconds, 1e-9),
        violations=violations,
    )
