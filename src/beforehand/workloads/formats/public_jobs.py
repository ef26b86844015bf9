"""What the reader of a public log hands over: its rows as jobs, and which of them are none."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.reading import Table

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class PublicJobs:
    """All rows of a public log, in the order of the file.

    Args:
        table: What was read, for the lines of the file.
        columns: By name one value a row: `size`, and `arrival` where the log has it; `cheap` where it says how long a
            job was expected to take; others under names of their own. nan where the log says nothing.
        left_out: By reason, in words, the rows that are no finished jobs; of several reasons the first counts.
    """

    table: Table
    columns: dict[str, NDArray[Any]]
    left_out: dict[str, Rows] = field(default_factory=dict)


def since_first(times: Floats) -> Floats:
    """Times counted from the earliest; nan stays nan."""
    return times - np.nanmin(times) if np.isfinite(times).any() else times
