import re

from beforehand.workloads.formats.access_lines import COMBINED, COMMON, layout
from beforehand.workloads.reading import Head

LINES = [
    '10.0.0.1 - - [29/Nov/2026:16:19:02 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8"',
    '::1 - a b [29/Nov/2026:16:19:02 +0000] "GET /\\"[a] HTTP/1.1" 404 - "https://e.org/" "say \\"hello\\""',
    'e.org:443 10.0.0.1 - a [29/Nov/2026:16:19:02 +0000] "-" 400 0 "" ""',
    '10.0.0.1 - [10.0.0.2] - - [29/Nov/2026:16:19:02 +0000] "\\x16\\x03" 400 157 "-" "-"',
]


def test_lines_of_the_common_and_the_combined_format_give_time_and_status():
    for line, status in zip(LINES, ("200", "404", "400", "400"), strict=True):
        for form in (COMMON, COMBINED):
            found = re.match(form, line)
            assert (found["time"], found["status"]) == ("29/Nov/2026:16:19:02 +0000", status)


def test_a_layout_must_fit_most_lines():
    first, second = re.compile("a$"), re.compile("[ab]$")
    for text, found in (
        ("a\na\nb\n", first),
        ("a\nb\nb\nx\n", second),
        ("a\nx\ny\nz\n", None),
        ("", None),
        ("{\n", None),
    ):
        assert layout(Head(path="l", format="lines", names=(), text=text), (first, second)) is found
