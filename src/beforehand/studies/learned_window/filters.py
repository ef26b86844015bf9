"""What it buys to let keys pass that will not come again soon: with the truth, with less, and with no model at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.reporting import Sheet
from beforehand.streams import LearnedSlidingWindow, LookupTable, SlidingWindow
from beforehand.streams.window import Windowed
from beforehand.studies.claims import Found
from beforehand.studies.learned_window.predictors import NextGaps, RandomGaps
from beforehand.studies.learned_window.runs import ESTIMATORS, Keys, counts_in_window, errors
from beforehand.workloads.formats import pcap_csv
from beforehand.workloads.streams import code_tokens, flows, zipf

SHARE: Final = 0.05  # of the memory, for a filter
LEAST_WINDOW: Final = 2**16
RENAMED: Final = (0.0, 0.25, 1.0)  # shares of the keys, every 0.61 windows
Make = Callable[[Keys, int, int], Windowed]


def _learned(predictor: Callable[[Keys, int], Any], share: float = SHARE) -> Make:
    return lambda keys, window, memory: LearnedSlidingWindow(
        predictor(keys, window), window, memory=memory, filter_share=share
    )


def _table(keys: Keys, window: int) -> LookupTable:
    return LookupTable(entries=8192).fit(keys[: 2 * window])


CONTENDERS: Final[Mapping[str, Make]] = {
    "none": lambda keys, window, memory: SlidingWindow(window, memory=memory),
    "doorkeeper": lambda keys, window, memory: SlidingWindow(
        window, memory=memory, filter="doorkeeper", filter_share=SHARE
    ),
    "next gaps": _learned(lambda keys, window: NextGaps(keys)),
    "next gaps, 1 %": _learned(lambda keys, window: NextGaps(keys), 0.01),
    "noisy gaps": _learned(lambda keys, window: NextGaps(keys, error=1.0)),
    "static table": _learned(_table),
    "random": _learned(lambda keys, window: RandomGaps(2 * window)),
}


@final
@dataclass(frozen=True)
class Row:
    """The errors of all contenders on one stream, by name and estimator."""

    stream: str
    window: int
    memory: int
    errors: Mapping[str, Mapping[str, float]]

    def ratio(self, name: str, other: str = "none", estimator: str = "upper") -> float:
        """The error of one contender as a share of another's."""
        return self.errors[name][estimator] / self.errors[other][estimator]


def streams(window: int, quick: bool, packets: Keys | None = None) -> dict[str, Keys]:
    """Four windows of each stream, also of packets if these are given and so many."""
    n = 4 * window
    found = {"Zipf 1.0": zipf(n, 1_000_000, 1.0, seed=0)["key"], "flows": flows(n, window, seed=0)["key"][:n]}
    if not quick:
        found["tokens"] = code_tokens()["key"][:n]
    if packets is not None and len(packets) >= n:
        found["packets"] = packets[:n]
    return found


def packets_of(data: str | PathLike[str] | None) -> Keys | None:
    """The pairs of addresses in a capture.

    Raises:
        InvalidInput: there is no capture at `data`, or it is too short.
    """
    if data is None:
        return None
    keys: Keys = pcap_csv.read(data)["key"]
    if len(keys) < 4 * LEAST_WINDOW:
        raise InvalidInput(f"{data} has {len(keys):,} packets, but must have {4 * LEAST_WINDOW:,} or more")
    return keys


def drifting(window: int, share: float) -> Keys:
    """Zipf's stream, where a share of the keys gets new names every 0.61 windows."""
    keys: Keys = zipf(4 * window, 1_000_000, 1.0, seed=0, epoch=int(0.61 * window), churn=share)["key"]
    return keys


def measure(named: Mapping[str, Keys], window: int, memories: tuple[int, ...], *names: str) -> list[Row]:
    """The contenders of these names, or all, on each stream and with each memory in KiB."""
    rows = []
    for stream, keys in named.items():
        true = counts_in_window(keys, window)
        for memory in memories:
            found = {
                name: errors(CONTENDERS[name](keys, window, 1024 * memory), keys, true) for name in names or CONTENDERS
            }
            rows.append(Row(stream, window, memory, found))
    return rows


def pays(rows: list[Row]) -> Found:
    """Whether knowing the next arrival makes estimates better, and better than the doorkeeper does."""
    ratios = [row.ratio("next gaps") for row in rows]
    against = [row.ratio("next gaps", "doorkeeper") for row in rows]
    balanced = [row.ratio("next gaps", estimator="balanced") for row in rows]
    listed = ", ".join(
        f"{stream} {_span([row.ratio('next gaps') for row in rows if row.stream == stream])}"
        for stream in dict.fromkeys(row.stream for row in rows)
    )
    better = sum(ratio < 1 for ratio in ratios)
    return Found(
        scale=_scale(rows),
        figure=f"exact next gaps against no filter: `upper` {listed}, better in {better} of {len(rows)} rows; "
        f"`balanced` {_span(balanced)}; against the doorkeeper, which needs no model, `upper` {_span(against)}; "
        f"{_when(rows)}",
        holds=max(ratios) <= 0.9 and max(against) <= 0.9,
        direction=2 * better > len(rows),
    )


def static_does_less(rows: list[Row]) -> Found:
    """Whether a table of heavy keys falls behind next gaps where keys change their names."""
    listed = "; ".join(
        f"{row.stream}: {row.ratio('static table'):.2f} against {row.ratio('next gaps'):.2f}" for row in rows
    )
    behind = [row.ratio("static table", "next gaps") for row in rows[1:]]
    return Found(
        scale=_scale(rows),
        figure=f"`upper` as a share of that without a filter, table against exact next gaps: {listed}; a wrong answer "
        "costs one arrival a frame, so that a stale model cannot hurt, and a good one cannot help much",
        holds=min(behind) >= 1.1,
        direction=min(behind) > 1.02,
    )


def sheet(title: str, rows: list[Row], below: str) -> Sheet:
    """The errors of both estimators."""
    names = list(rows[0].errors)
    return Sheet(
        title=title,
        columns=["stream", "W", "KiB", "estimator", *names],
        rows=[
            [
                row.stream,
                f"{row.window:,}",
                str(row.memory),
                estimator,
                *(f"{row.errors[name][estimator]:.3g}" for name in names),
            ]
            for row in rows
            for estimator in ESTIMATORS
        ],
        below=below,
    )


def _when(rows: list[Row]) -> str:
    """Where the doorkeeper takes a fifth off the upper estimate's error."""
    paid = [row for row in rows if row.ratio("doorkeeper") <= 0.8]
    if not paid:
        return "the doorkeeper takes a fifth off `upper` nowhere"
    least = min(1024 * row.memory / row.window for row in paid)
    return f"the doorkeeper takes a fifth off `upper` in {len(paid)} of {len(rows)} rows, from {least:g} W bytes on"


def _scale(rows: list[Row]) -> str:
    windows = ", ".join(f"2^{window.bit_length() - 1}" for window in sorted({row.window for row in rows}))
    memories = ", ".join(str(memory) for memory in sorted({row.memory for row in rows}))
    return f"{', '.join(dict.fromkeys(row.stream for row in rows))}; W {windows}; {memories} KiB; 4 W arrivals"


def _span(values: list[float]) -> str:
    return f"{min(values):.2f}-{max(values):.2f}"
