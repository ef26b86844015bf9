"""Recorded gradients: what plans are made from, and what audits them."""

from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Floats
from beforehand.gradients.inputs import numbers
from beforehand.gradients.layout import Layout
from beforehand.gradients.metrics import correlation

KIND = "gradients"


class Sample(NamedTuple):
    """The gradients of all workers at some steps.

    Args:
        steps: Their numbers, ascending.
        rows: float32 (steps, workers, coordinates).
        layout: Of the coordinates.
        seconds: That recording took; None where nobody said it.
    """

    steps: NDArray[np.int64]
    rows: Floats
    layout: Layout
    seconds: float | None

    @property
    def workers(self) -> int:
        """How many were recorded."""
        return int(self.rows.shape[1])

    def recording(self, compute_seconds: float) -> float:
        """Seconds that recording took; if unknown, those of training up to the last step, each worker in turn."""
        steps = int(self.steps[-1]) + 1
        return compute_seconds * self.workers * steps if self.seconds is None else self.seconds

    def of(self, workers: int) -> Floats:
        """The rows of the first workers, as many as there are of so many."""
        return self.rows[:, :workers]

    def rho(self, workers: int) -> float:
        """The mean agreement of the first so many workers."""
        return float(np.mean([correlation(step) for step in self.of(workers)]))

    @classmethod
    def read(cls, trace: Any, name: str = "trace") -> Self:
        """What a trace of kind `gradients` holds; steps that lack workers, as a split leaves them, are left out.

        Raises:
            InvalidInput: It is of another kind or form, not finite, in no order, or no step has two workers.
        """
        if not isinstance(trace, Trace) or trace.kind != KIND:
            given = f"of kind {trace.kind!r}" if isinstance(trace, Trace) else f"a {type(trace).__name__}"
            raise InvalidInput(f"{name} is {given}, but must be a Trace of kind {KIND!r}; record_gradients makes one")
        step, worker = (_whole(trace, column, name) for column in ("step", "worker"))
        rows = numbers(f"gradients of the {name}", trace["gradient"], np.float32)
        if rows.ndim != 2:
            raise InvalidInput(f"gradient of the {name} has shape {rows.shape}, but must have one row for each worker")
        if not np.isfinite(rows).all():
            raise InvalidInput(f"gradients of the {name} are not all finite; leave out the steps where they are not")
        order = list(zip(step.tolist(), worker.tolist(), strict=True))
        if any(one >= other for one, other in pairwise(order)):
            raise InvalidInput(f"rows of the {name} are not in order of step, then worker, each once; sort them")
        steps, counts = np.unique(step, return_counts=True)
        workers = int(counts.max(initial=0))
        whole = np.repeat(counts == workers, counts)
        if workers < 2:
            raise InvalidInput(f"{name} has {len(rows)} rows and no step of two workers; record at least two")
        if len(np.unique(worker[whole])) > workers:
            raise InvalidInput(f"{name} has steps of different workers; record the same ones in each step")
        kept = rows if whole.all() else rows[whole]
        return cls(
            steps=steps[counts == workers],
            rows=kept.reshape(-1, workers, rows.shape[1]),
            layout=_layout(trace, rows.shape[1], name),
            seconds=_seconds(trace, name),
        )


def _whole(trace: Trace, column: str, name: str) -> NDArray[np.int64]:
    found = trace[column]
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise InvalidInput(f"{column} of the {name} must be whole numbers, but is {found.dtype}{list(found.shape)}")
    return found.astype(np.int64)


def _layout(trace: Trace, size: int, name: str) -> Layout:
    meta = trace.meta
    try:
        pairs = zip(meta.get("names", ["gradient"]), meta.get("shapes", [[size]]), strict=True)
        layout = Layout([(str(each), shape) for each, shape in pairs])
    except (TypeError, ValueError) as error:  # of a layout, too
        raise InvalidInput(
            f"names and shapes in meta of the {name} do not fit ({error}); write one shape a name"
        ) from None
    if layout.size != size:
        raise InvalidInput(f"shapes of the {name} have {layout.size} coordinates, but gradients {size}; mend the meta")
    return layout


def _seconds(trace: Trace, name: str) -> float | None:
    seconds = trace.meta.get("seconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise InvalidInput(f"seconds in meta of the {name} are {seconds!r}, but must be a number of at least 0")
    return float(seconds)
