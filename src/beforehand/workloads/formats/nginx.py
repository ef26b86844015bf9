"""Access logs of nginx whose lines say how long a request took, in lines or in JSON, and those of ingress-nginx."""

import re

import numpy as np

from beforehand.workloads.formats.access_lines import COMBINED, COMMON, QUOTED, layout
from beforehand.workloads.formats.public_jobs import Floats, PublicJobs, since_first
from beforehand.workloads.reading import Head, Reading, Table, look, read_lines, read_table

NAME, SOURCE = "nginx", "nginx access log"
SIZE_UNIT, TIME_UNIT = "seconds", "seconds"
TOTAL, UPSTREAM = "request_time", "upstream_response_time"
TIME = r"\d+\.\d{3}"
TIMES = rf"(?:-|{TIME})(?:(?:, | : |,|:)(?:-|{TIME}))*"  # of each upstream server that was tried
LIST = r"\S+(?:(?:,| :) \S+)*"
INGRESS = re.compile(
    rf"{COMBINED} \d+ (?P<{TOTAL}>{TIME}) \[[^\]]*\] (?:\[[^\]]*\] )?{LIST} {LIST} (?P<{UPSTREAM}>{TIMES}) {LIST}"
    r"(?: \S+)?$"
)
NAMED = re.compile(
    rf'{COMMON}(?=.*\b(?:rt|{TOTAL})[=:] ?"?(?P<{TOTAL}>{TIME}))'
    rf'(?=(?:.*\b(?:urt|{UPSTREAM})[=:] ?"?(?P<{UPSTREAM}>{TIMES}))?)'
)
OTHERS = rf'{COMMON}(?: (?:{QUOTED}|[^\s"]\S*))*?[ |,;]+"?'
LAST = re.compile(rf'{OTHERS}(?P<{TOTAL}>{TIME})"?(?:[ |,;]+"?(?P<{UPSTREAM}>{TIMES})"?)?\s*$')
SWAPPED = re.compile(rf'{OTHERS}(?P<{UPSTREAM}>{TIMES})"?[ |,;]+"?(?P<{TOTAL}>{TIME})"?\s*$')
LAYOUTS = (INGRESS, NAMED, LAST)
CLOCKS = ("msec", "time_iso8601", "time_local", "time", "timestamp", "@timestamp")  # keys of JSON, the finest first
ANSWERED = "answered without an upstream server"


def recognize(head: Head) -> bool:
    """Whether most lines end with nginx's times, or the records hold them under its names for them."""
    return _is_json(head) or layout(head, LAYOUTS) is not None


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs that took as long as the upstream servers, or nginx itself if the log does not say that.

    nginx writes a line when the request is over, so a request came as much before the time in its line as it took.

    Guarantee:
        Columns `arrival` (seconds since the first request), `size` (seconds; `upstream_response_time`, summed over the
        servers that were tried, or else `request_time`), `request_time` and `status`. Left out are requests that no
        upstream server has seen, where the log knows of such servers.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: a cell is neither number nor time where it should be.

    Reference:
        nginx: ngx_http_log_module and ngx_http_upstream_module, https://nginx.org/en/docs/. ingress-nginx: Log format,
        https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/.
    """
    head = look(path, reading)
    if _is_json(head):
        clock = next(name for name in CLOCKS if name in head.names)
        table = read_table(path, (TOTAL, UPSTREAM, clock, "status"), reading)
    else:
        clock, table = "time", read_lines(path, _layout(head) or LAST)
    total = table.numbers(TOTAL)
    columns = {"arrival": since_first(table.times(clock)[0] - total), "size": total, TOTAL: total}
    if "status" in table:
        columns["status"] = table.numbers("status")
    left_out = {}
    if UPSTREAM in table and not table.missing(UPSTREAM).all():
        columns["size"] = _summed(table)
        left_out[ANSWERED] = np.isnan(columns["size"])
    return PublicJobs(table, columns, left_out)


def _is_json(head: Head) -> bool:
    names = set(head.names)
    return TOTAL in names and bool(names.intersection(CLOCKS)) and head.text.lstrip().startswith("{")


def _summed(table: Table) -> Floats:
    """Seconds that the upstream servers of a request took together; nan where there was none."""
    cells, places = np.unique(table.text(UPSTREAM), return_inverse=True)
    found = [[float(time) for time in re.findall(r"\d+(?:\.\d+)?", cell)] for cell in cells.tolist()]
    return np.array([round(sum(times), 3) if times else np.nan for times in found])[places]


def _layout(head: Head) -> re.Pattern[str] | None:
    """The layout of the lines. Of two times without names the longer one is that of the request, which holds both."""
    found = layout(head, LAYOUTS)
    if found is LAST:
        pairs = [(match[TOTAL], match[UPSTREAM]) for match in map(LAST.match, head.text.splitlines()) if match]
        longer = [float(last) - float(first) for first, last in pairs if last and re.fullmatch(TIME, last)]
        if sum(gap > 0 for gap in longer) > sum(gap < 0 for gap in longer):
            return SWAPPED
    return found
