"""The tour's report on its smallest sizes."""

import tempfile
from functools import cache
from pathlib import Path

from beforehand.cli.app import run

SMALL = ["--vectors", "8", "--length", "1024"]


@cache
def page() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        assert run(["tour", *SMALL, "--report", str(path)]) == 0
        return path.read_text("utf-8")
