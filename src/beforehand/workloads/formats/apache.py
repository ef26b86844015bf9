"""Access logs of Apache httpd whose lines end with %D, the microseconds that a request took."""

import re

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats.access_lines import COMBINED, COMMON, QUOTED, layout
from beforehand.workloads.formats.public_jobs import PublicJobs
from beforehand.workloads.reading import Head, Reading, look, read_lines

NAME, SOURCE = "apache", "Apache access log, %D"
SIZE_UNIT, TIME_UNIT = "seconds", "seconds"
MICROSECONDS = 1e6  # in a second
TOOK = "microseconds"
QUOTES = rf"(?: {QUOTED})*"
ALONE = re.compile(rf"{COMMON}{QUOTES} (?P<{TOOK}>\d+)\s*$")
BESIDE_BYTES = re.compile(rf"{COMBINED} \d+ \d+ (?P<{TOOK}>\d+)\s*$")  # behind the bytes in and out of mod_logio
BESIDE_SECONDS = re.compile(rf"{COMMON}{QUOTES} \**(?P<seconds>\d+)[ /](?P<{TOOK}>\d+)\**\s*$")
TIMED = (BESIDE_SECONDS, BESIDE_BYTES, ALONE)
PLAIN = re.compile(rf"{COMMON}{QUOTES}(?: \d+ \d+)?\s*$")
FEWEST = 100  # microseconds; no server answers the half of its requests sooner


def recognize(head: Head) -> bool:
    """Whether most lines are in the common or the combined format, with a time at their end or without."""
    return layout(head, (*TIMED, PLAIN)) is not None


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs that took as long as the server needed for them.

    Guarantee:
        Columns `arrival` (seconds since the first request; Apache logs when it came, to the second), `size` (seconds,
        from %D) and `status`. Nothing is left out.

    Raises:
        InvalidInput: the file cannot be read, or does not say how long requests took.
        CorruptData: a cell is neither number nor time where it should be; the numbers are too small for microseconds.

    Reference:
        Apache: mod_log_config. https://httpd.apache.org/docs/2.4/mod/mod_log_config.html.
    """
    head = look(path, reading)
    found = layout(head, TIMED)
    if found is None or (found is BESIDE_SECONDS and not _are_seconds(head)):
        raise InvalidInput(
            f"{path} does not say how long requests took; add %D to Apache's LogFormat, or rt=$request_time to nginx's "
            "log_format"
        )
    table = read_lines(path, found)
    took = table.numbers(TOOK)
    if len(took) and (half := np.median(took)) < FEWEST:
        raise CorruptData(
            f"{path} has lines that end with numbers of median {half:g}, too small for %D's microseconds; if they are "
            "seconds or milliseconds, log %D instead"
        )
    columns = {
        "arrival": table.times("time")[0],
        "size": took / MICROSECONDS,
        "status": table.numbers("status"),
    }
    return PublicJobs(table, columns)


def _are_seconds(head: Head) -> bool:
    """Whether the first of two numbers is the second one in seconds: %T and %D, and not the bytes of mod_logio."""
    pairs = [match for match in map(BESIDE_SECONDS.match, head.text.splitlines()) if match]
    return all(int(pair["seconds"]) == int(pair[TOOK]) // MICROSECONDS for pair in pairs)
