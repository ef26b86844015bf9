"""A simulated run as a Chrome trace, which Perfetto and chrome://tracing show."""

import json
from collections import Counter
from os import PathLike
from typing import Any, Final, final

from beforehand.core.files import writing
from beforehand.scheduling.serving.simulator.totals import Totals

MOST_EVENTS: Final = 200_000
MICROSECONDS: Final = 1e6
ENGINE: Final = {"pid": 1, "tid": 1}


@final
class Spans:
    """When each conversation was in which state, and how many were in each."""

    def __init__(self, rows: int) -> None:
        self._state = [""] * rows
        self._since = [0.0] * rows
        self.spans: list[tuple[int, str, float, float]] = []
        self.counts: list[tuple[float, int, int, int]] = []
        self._count: Counter[str] = Counter()

    def change(self, row: int, state: str, now: float) -> None:
        """A conversation enters a state; "" is the end."""
        old = self._state[row]
        if old:
            self.spans.append((row, old, self._since[row], now))
            self._count[_kind(old)] -= 1
        self._state[row], self._since[row] = state, now
        if state:
            self._count[_kind(state)] += 1
        count = self._count
        self.counts.append((now, count["waiting"], count["running"], count["paused"]))


def _kind(state: str) -> str:
    return {"waiting": "waiting", "prefill": "running", "decode": "running"}.get(state, "paused")


def write_chrome(path: str | PathLike[str], spans: Spans, totals: Totals) -> None:
    """Write the trace: slices of iterations of equal composition, a span for each state of each conversation, counters.

    Above 200,000 events the first and the last tenth stay whole, and of the rest an even sample; `metadata` says so.
    """
    groups = [_iteration_slices(totals), _counters(spans, totals)]
    groups += [_pairs(spans)]
    units = sorted((unit for group in groups for unit in group), key=lambda unit: unit[0]["ts"])
    kept, dropped = _sampled(units)
    events = [event for unit in kept for event in unit]
    names = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "engine"}},
        {"ph": "M", "name": "process_name", "pid": 2, "args": {"name": "requests"}},
    ]
    if dropped:
        names.append({"ph": "M", "name": "metadata", "pid": 1, "args": {"left out of the middle": dropped}})
    with writing(path) as file:
        file.write(json.dumps(names + events).encode())


def _iteration_slices(totals: Totals) -> list[list[dict[str, Any]]]:
    """Runs of iterations with the same number of decoding requests and of new tokens."""
    slices: list[list[dict[str, Any]]] = []
    begin = 0
    ends, new, decoding = totals.end, totals.new_tokens, totals.decoding
    for step in range(1, len(ends) + 1):
        if step < len(ends) and new[step] == new[begin] and decoding[step] == decoding[begin]:
            continue
        start = ends[begin - 1] if begin else 0.0
        args = {"iterations": step - begin, "new_tokens": new[begin], "decoding": decoding[begin]}
        name = f"{decoding[begin]} decode" + (
            f", {new[begin] - decoding[begin]} prefill" if new[begin] > decoding[begin] else ""
        )
        seconds = ends[step - 1] - start
        event = {"ph": "X", "name": name, "ts": start * MICROSECONDS, "dur": seconds * MICROSECONDS, "args": args}
        slices.append([event | ENGINE])
        begin = step
    return slices


def _pairs(spans: Spans) -> list[list[dict[str, Any]]]:
    """Begin and end of every span; both stay or both go."""
    pairs = []
    for row, state, begin, end in spans.spans:
        same = {"cat": "request", "id": row, "name": state, "pid": 2, "tid": row}
        pairs.append([same | {"ph": "b", "ts": begin * MICROSECONDS}, same | {"ph": "e", "ts": end * MICROSECONDS}])
    return pairs


def _counters(spans: Spans, totals: Totals) -> list[list[dict[str, Any]]]:
    counters = []
    for now, waiting, running, paused in spans.counts:
        args = {"waiting": waiting, "running": running, "paused": paused}
        counters.append([{"ph": "C", "name": "requests", "ts": now * MICROSECONDS, "args": args} | ENGINE])
    before = -1
    for end, used in zip(totals.end, totals.used_blocks, strict=True):
        if used != before:
            counters.append(
                [{"ph": "C", "name": "used blocks", "ts": end * MICROSECONDS, "args": {"blocks": used}} | ENGINE]
            )
            before = used
    return counters


def _sampled(units: list[list[dict[str, Any]]]) -> tuple[list[list[dict[str, Any]]], int]:
    if sum(map(len, units)) <= MOST_EVENTS:
        return units, 0
    edge = MOST_EVENTS // 20  # units have at most two events
    middle = units[edge : len(units) - edge]
    every = -(-len(middle) * 2 // (MOST_EVENTS - 4 * edge))
    kept = units[:edge] + middle[::every] + units[len(units) - edge :]
    return kept, len(units) - len(kept)
