"""Access logs of Caddy, which writes JSON."""

import numpy as np

from beforehand.workloads.formats.public_jobs import PublicJobs, since_first
from beforehand.workloads.reading import Head, Reading, read_table

NAME, SOURCE = "caddy", "Caddy access log"
SIZE_UNIT, TIME_UNIT = "seconds", "seconds"
ENDED, TOOK, STATUS = COLUMNS = ("ts", "duration", "status")


def recognize(head: Head) -> bool:
    """Whether the records have the keys of a request that was handled."""
    return {*COLUMNS, "request", "logger"} <= set(head.names)


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs that took as long as Caddy needed for them.

    Caddy writes a line when the request is over, so it came as much before the time in its line as it took. The key
    `size` of a line is the length of the answer in bytes, and no size of a job.

    Guarantee:
        Columns `arrival` (seconds since the first request), `size` (seconds, from `duration`) and `status`. Left out
        are lines without a duration, which tell of something else.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: a line is no record; a value is neither number nor time where it should be.

    Reference:
        Caddy: Logging. https://caddyserver.com/docs/logging.
    """
    table = read_table(path, COLUMNS, reading)
    ended, _ = table.times(ENDED)
    took = table.durations(TOOK)
    columns = {"arrival": since_first(ended - took), "size": took, "status": table.numbers(STATUS)}
    return PublicJobs(table, columns, {"not a request": np.isnan(took)})
