"""Access logs of Traefik, in its Common Log Format or in JSON."""

import re

from beforehand.workloads.formats.access_lines import COMBINED, QUOTED, layout
from beforehand.workloads.formats.public_jobs import PublicJobs
from beforehand.workloads.reading import Head, Reading, look, read_lines, read_table

NAME, SOURCE = "traefik", "Traefik access log"
SIZE_UNIT, TIME_UNIT = "seconds", "seconds"
BEGAN, TOTAL, ORIGIN, STATUS = COLUMNS = ("StartUTC", "Duration", "OriginDuration", "DownstreamStatus")
NANOSECONDS, MILLISECONDS = 1e9, 1e3  # in a second
LINE = re.compile(rf"{COMBINED} (?:\d+|-) {QUOTED} {QUOTED} (?P<took>\d+)ms\s*$")


def recognize(head: Head) -> bool:
    """Whether the records have Traefik's keys, or most lines its names of router and server, and end with ms."""
    return {BEGAN, TOTAL} <= set(head.names) or layout(head, (LINE,)) is not None


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs that took as long as the service behind Traefik, or Traefik itself if the log does not say that.

    Guarantee:
        Columns `arrival` (seconds since the first request), `size` (seconds) and `status`. JSON has nanoseconds:
        `size` is OriginDuration where the log holds it, and requests that no service has seen are left out. Lines have
        whole milliseconds of the whole request.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: a cell is neither number nor time where it should be.

    Reference:
        Traefik: Access logs. https://doc.traefik.io/traefik/observability/access-logs/.
    """
    head = look(path, reading)
    if TOTAL not in head.names:
        table = read_lines(path, LINE)
        arrival = table.times("time")[0]
        size, status = table.numbers("took") / MILLISECONDS, table.numbers("status")
        return PublicJobs(table, {"arrival": arrival, "size": size, "status": status})
    table = read_table(path, COLUMNS, reading)
    arrival, _ = table.times(BEGAN)
    origin = ORIGIN in table
    columns = {"arrival": arrival, "size": table.numbers(ORIGIN if origin else TOTAL) / NANOSECONDS}
    if STATUS in table:
        columns["status"] = table.numbers(STATUS)
    return PublicJobs(table, columns, {"not passed to a service": ~(columns["size"] > 0)} if origin else {})
