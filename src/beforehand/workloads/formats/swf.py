"""The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a job, comments behind semicolons."""

import re
from pathlib import PurePath

import numpy as np

from beforehand.core.errors import CorruptData
from beforehand.workloads.formats.public_jobs import Floats, PublicJobs, since_first
from beforehand.workloads.reading import Head, Reading, Table, read_lines

NAME, SOURCE = "swf", "Standard Workload Format"
SIZE_UNIT, TIME_UNIT = "seconds", "seconds"
FIELDS = 18
COMMENT = ";"
LINE = re.compile(
    r"\s*(?:;.*|\S+\s+(?P<submit>\S+)\s+\S+\s+(?P<run>\S+)\s+(?P<processors>\S+)(?:\s+\S+){3}\s+(?P<requested>\S+)"
    r"\s+\S+\s+(?P<status>\S+)(?:\s+\S+){7}\s*)?$"
)
PARTIAL = (2, 3, 4)  # parts of a job that was swapped out: it has a line of its own, with status 0 or 1
CANCELLED = 5


def recognize(head: Head) -> bool:
    """Whether the name ends in swf, or the lines are 18 numbers below a header of comments."""
    if ".swf" in PurePath(head.path).suffixes[-2:]:
        return True
    lines = head.text.splitlines()[:-1]  # the last may be cut off
    jobs = [line.split() for line in lines if line.strip() and not line.lstrip().startswith(COMMENT)]
    commented = any(re.match(r"\s*;\s*\w+:", line) for line in lines)
    return commented and bool(jobs) and all(len(job) == FIELDS and _is_number(job[3]) for job in jobs)


def read(path: str, reading: Reading) -> PublicJobs:
    """Jobs that have ended, each as long as it ran.

    Guarantee:
        Columns `size` (seconds that the job ran), `arrival` (seconds since the first was submitted), `cheap` (seconds
        that the user asked for) and `processors`; -1 in the file, which says that nothing is known, is nan. Left out
        are the parts of jobs that were swapped out, and jobs that were cancelled before they ran. Failed jobs stay.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: no line is a job of 18 numbers.

    Reference:
        Chapin, Cirne, Feitelson, Jones, Leutenegger, Schwiegelshohn, Smith, Talby: Benchmarks and Standards for the
        Evaluation of Parallel Job Schedulers. JSSPP 1999. Version 2.2:
        https://www.cs.huji.ac.il/labs/parallel/workload/swf.html.
    """
    lines = read_lines(path, LINE)
    table = lines.take(np.flatnonzero(~lines.missing("submit")))  # without comments
    if not len(table):
        raise CorruptData(f"{path} has no line of {FIELDS} numbers, as {SOURCE} wants them; check that it is whole")
    size, status = _known(table, "run"), table.numbers("status")
    columns = {
        "arrival": since_first(_known(table, "submit")),
        "size": size,
        "cheap": _known(table, "requested"),
        "processors": _known(table, "processors"),
    }
    partial, cancelled = np.isin(status, PARTIAL), (status == CANCELLED) & ~(size > 0)
    return PublicJobs(table, columns, {"part of a job": partial, "cancelled before it ran": cancelled})


def _known(table: Table, name: str) -> Floats:
    numbers = table.numbers(name)
    return np.where(numbers < 0, np.nan, numbers)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", word) is not None
