"""How far reading has come: bytes, arrivals a second, and the heaviest key so far."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from beforehand.streams.ranking import Ranking

EVERY = 0.25  # seconds


@final
class Watch:
    """Shows progress, where there is a terminal to show it in."""

    def __init__(self, bar: Progress, task: TaskID, summary: "Ranking | None") -> None:
        self._bar, self._task, self._summary = bar, task, summary
        self._begun = self._shown = time.monotonic()
        self.arrivals = 0

    def heard(self, size: int) -> None:
        """So many more bytes were read."""
        self._bar.advance(self._task, size)

    def counted(self, arrivals: int) -> None:
        """So many more arrivals were counted."""
        self.arrivals += arrivals
        now = time.monotonic()
        if self._bar.disable or now < self._shown + EVERY:
            return
        self._shown = now
        text = f"{self.arrivals / (now - self._begun) / 1e6:.1f} M/s"
        if self._summary is not None and len(self._summary):
            text += f", most often: {self._summary.top(1).to_list()[0].key!s:.40}"
        self._bar.update(self._task, description=escape(text))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Out of the way of other output."""
        self._bar.stop()
        yield
        self._bar.start()


@contextmanager
def watching(size: int | None, summary: "Ranking | None" = None) -> Iterator[Watch]:
    """Progress on stderr while a stream of so many bytes is read; it disappears at the end."""
    out = Console(stderr=True)
    columns = (BarColumn(24), DownloadColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        yield Watch(bar, bar.add_task("", total=size), summary)
