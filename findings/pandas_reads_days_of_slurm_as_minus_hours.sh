#!/usr/bin/env bash
# pandas.to_timedelta reads SLURM's day-hours:minutes:seconds as a negative number of hours, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check pandas==3.1.1
"$folder/bin/python" - <<'END'
import io
import sys
from importlib.metadata import version

import pandas as pd

SACCT = """JobID|Elapsed
1|00:03:25
2|23:59:59
3|1-00:00:00
4|2-01:24:56
"""
table = pd.read_csv(io.StringIO(SACCT), sep="|")
read = pd.to_timedelta(table["Elapsed"]).dt.total_seconds()


def seconds(elapsed):  # as man sacct says: [DD-[HH:]]MM:SS
    days, _, clock = elapsed.rpartition("-")
    hours, minutes, rest = map(int, clock.split(":"))
    return 86400 * int(days or 0) + 3600 * hours + 60 * minutes + rest


meant = table["Elapsed"].map(seconds)
print(f"pandas {version('pandas')}: to_timedelta on the column Elapsed of sacct -P")
for elapsed, found, right in zip(table["Elapsed"], read, meant):
    print(f"{elapsed:>12}  read as {found:>10,.0f} s, meant {right:>8,} s")
print(f"mean             read as {read.mean():>10,.0f} s, meant {meant.mean():>8,.0f} s")
print("""
The minus behind the days is taken for a sign, wherever it stands, and the digits before and after it for one number of hours:
2-01:24:56 is minus 201 hours. Jobs of less than a day are right, so a test on short jobs shows nothing, and no job is refused.
Ask sacct for ElapsedRaw, which is in seconds, or put the word days in place of the minus before pandas reads it.""")
right = (read[:2] == meant[:2]).all() and (pd.to_timedelta("2 days 01:24:56").total_seconds() == meant[3])
wrong = read[2] == -100 * 3600 and read[3] == -(201 * 3600 + 24 * 60 + 56)
sys.exit(0 if right and wrong else "THE BEHAVIOR HAS CHANGED")
END
