"""The pages that commands write, on small workloads: the tour's report, and that of a plan of a queue."""

import contextlib
import io
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from beforehand.cli import page as pages
from beforehand.cli.app import run
from beforehand.workloads import jobs

QUICK = ["--quick"]


class Toured(NamedTuple):
    """A tour in an empty folder: what it printed on 100 columns, its rows, its page, and the files it left."""

    printed: str
    rows: list[pages.Row]
    page: str
    files: list[str]


@cache
def toured() -> Toured:
    rows, show = [], pages.show
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()) as printed,
        patch.dict("os.environ", COLUMNS="100"),
        patch.object(pages, "show", lambda found: (rows.extend(found), show(found))),
    ):
        assert run(["tour", *QUICK]) == 0
        files = [path.name for path in Path().iterdir()]
        return Toured(printed.getvalue(), rows, Path("report.html").read_text("utf-8"), files)


def page() -> str:
    return toured().page


@cache
def queue_page() -> str:
    with tempfile.TemporaryDirectory() as folder:
        log, path = Path(folder) / "a_log_of_jobs_with_quite_a_long_name.csv", Path(folder) / "page.html"
        jobs.code(600, seed=0).save(log)
        prices = ["--load", "0.8", "--cheap-cost", "0.05", "--expensive-cost", "0.5", "--bootstrap", "20"]
        assert run(["scheduling", "plan-queue", str(log), *prices, "--html", str(path)]) == 0
        return path.read_text("utf-8")
