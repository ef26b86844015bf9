"""The pages that commands write, on small workloads: the tour's report, and that of a plan of a queue."""

import tempfile
from functools import cache
from pathlib import Path

from beforehand.cli.app import run
from beforehand.workloads import jobs

QUICK = ["--quick"]


@cache
def page() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        assert run(["tour", *QUICK, "--report", str(path)]) == 0
        return path.read_text("utf-8")


@cache
def queue_page() -> str:
    with tempfile.TemporaryDirectory() as folder:
        log, path = Path(folder) / "a_log_of_jobs_with_quite_a_long_name.csv", Path(folder) / "page.html"
        jobs.code(600, seed=0).save(log)
        prices = ["--load", "0.8", "--cheap-cost", "0.05", "--expensive-cost", "0.5", "--bootstrap", "20"]
        assert run(["scheduling", "plan-queue", str(log), *prices, "--html", str(path)]) == 0
        return path.read_text("utf-8")
