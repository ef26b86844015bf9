"""The tour's report on its small workloads."""

import tempfile
from functools import cache
from pathlib import Path

from beforehand.cli.app import run

QUICK = ["--quick"]


@cache
def page() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        assert run(["tour", *QUICK, "--report", str(path)]) == 0
        return path.read_text("utf-8")
