"""What SLURM's sacct prints with -P or -p, such as `sacct -a -X -P -o JobID,Submit,Elapsed,Timelimit,State`."""

import re

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.workloads.formats.public_jobs import Floats, PublicJobs, Rows
from beforehand.workloads.reading import Head, Reading, Table, look, read_table

NAME, SOURCE = "sacct", "SLURM accounting"
SIZE_UNIT, TIME_UNIT = "seconds", "seconds"
IDS, ARRIVALS, SIZES = ("JobID", "JobIDRaw"), ("Submit", "Eligible"), ("ElapsedRaw", "Elapsed")
LIMITS = ("TimelimitRaw", "Timelimit")
STATE, END = "State", "End"
DEFAULT = {"JobID", "JobName", "Partition", "Account", "AllocCPUS", "State", "ExitCode"}  # what sacct prints unasked
PARTITION_LIMIT = "partition_limit"  # where a job asked for no limit of its own
MINUTE = 60  # seconds; TimelimitRaw is in minutes, ElapsedRaw in seconds
UNFINISHED = ("pending", "running", "suspended", "requeued", "resizing", "configuring", "completing", "revoked")
FOR_PEOPLE = re.compile(r"^ *(JobID|JobName|Submit|Start|State|Elapsed)\b.*\n[- ]*---[- ]*$", re.MULTILINE)
REMEDY = "print it with sacct -X -P -o JobID,Submit,Elapsed,Timelimit,State"


def recognize(head: Head) -> bool:
    """Whether the names are those that sacct prints; also where it printed too few, or for people."""
    names = set(head.names)
    timed = names.intersection(SIZES) and names.intersection((*ARRIVALS, *IDS, STATE))
    return bool(timed) or names >= DEFAULT or FOR_PEOPLE.search(head.text[:10_000]) is not None


def read(path: str, reading: Reading) -> PublicJobs:
    """Jobs that have ended, each as long as it ran, whatever its end: it held its nodes all that time.

    Guarantee:
        Columns `size` (seconds that the job ran), `arrival` (seconds since the first was submitted) and `cheap`
        (seconds that the user asked for), as far as sacct printed them; a job without a limit, or with its
        partition's, has no `cheap`. Left out are steps of jobs, jobs that have not ended, by their state, and those
        that were cancelled before they ran. Failed jobs and those that ran out of time stay.

    Raises:
        InvalidInput: the file cannot be read, was printed for people, or lacks the time that jobs took.
        CorruptData: a cell is neither time nor duration where it should be.

    Reference:
        SchedMD: sacct(1). https://slurm.schedmd.com/sacct.html.
    """
    head = look(path, reading)
    if FOR_PEOPLE.search(head.text[:10_000]):
        raise InvalidInput(f"{path} has columns of fixed width, which cut cells off; {REMEDY}")
    table = read_table(path, [*SIZES, *ARRIVALS, *LIMITS, *IDS, STATE, END], reading)
    size, arrival, limit, job = (
        next((name for name in among if name in table), None) for among in (SIZES, ARRIVALS, LIMITS, IDS)
    )
    if size is None:
        raise InvalidInput(f"{path} does not say how long jobs ran; {REMEDY}")
    seconds = table.numbers(size) if size == "ElapsedRaw" else table.durations(size)
    columns = {"size": seconds}
    if arrival:
        columns["arrival"], _ = table.times(arrival)
    if limit:
        columns["cheap"] = _limits(table, limit)
    return PublicJobs(table, columns, _reasons(table, seconds, job))


def _limits(table: Table, name: str) -> Floats:
    own = np.char.lower(table.text(name)) != PARTITION_LIMIT
    limits = np.full(len(table), np.nan)
    asked = table.take(np.flatnonzero(own))
    limits[own] = MINUTE * asked.numbers(name) if name == "TimelimitRaw" else asked.durations(name)
    return limits


def _reasons(table: Table, size: Floats, job: str | None) -> dict[str, Rows]:
    reasons: dict[str, Rows] = {}
    if job:
        reasons["step of a job"] = np.char.find(table.text(job), ".") >= 0
    if STATE in table:
        states = np.char.lower(table.text(STATE))  # such as cancelled by 1000
        reasons |= {state: np.char.startswith(states, state) for state in UNFINISHED}
        reasons["cancelled before it ran"] = np.char.startswith(states, "cancelled") & ~(size > 0)
    elif END in table:
        reasons["not finished"] = table.missing(END)
    return reasons
