"""Lines of web servers in the Common Log Format and the combined one, which servers end with times of their own."""

import re
from collections.abc import Sequence

from beforehand.workloads.reading import Head

QUOTED = r'"(?:[^"\\]|\\.)*"'
COMMON = rf"^(?:\S+ )?\S+ \S+ .*?\[(?P<time>[^\]]+)\] {QUOTED} (?P<status>\d{{3}}) (?:\d+|-)"  # perhaps behind a host
COMBINED = rf"{COMMON} {QUOTED} {QUOTED}"
ENOUGH = 0.5  # of the lines that a layout must fit: scanners write what they like into access logs


def layout(head: Head, layouts: Sequence[re.Pattern[str]]) -> re.Pattern[str] | None:
    """The first layout that most lines of the head have, or None."""
    lines = [line for line in head.text.splitlines()[:1000] if line.strip()]
    lines = lines[:-1] or lines  # the last may be cut off
    if not lines or lines[0].lstrip().startswith("{"):
        return None
    return next((one for one in layouts if sum(map(bool, map(one.match, lines))) > ENOUGH * len(lines)), None)
