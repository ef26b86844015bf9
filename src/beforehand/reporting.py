"""What studies, benchmarks and pages measure and show with: the clock, the conditions, and tables in Markdown."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Figures that fill a table: one row of cells below the heads of the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    below: str = ""


def seconds(job: Callable[[], object], repeats: int = 5) -> float:
    """The least time of this thread's processor that a job took."""
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        job()
        times.append(time.thread_time() - start)
    return min(times)


def conditions() -> dict[str, str]:
    """Where and with what we measure."""
    names = [line.split(": ")[1] for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "beforehand": version("beforehand"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown, line by line."""
    cells = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if os.path.exists(path) else []
