import html

import pytest

from beforehand.cli import page
from beforehand.core import Outcome, Price, Report

REPORT = Report(
    area="scheduling",
    metric="cost",
    expected=Outcome("SPRPT", 2.0, 1.9, 2.1),
    measured=Outcome("SPRPT", 2.0, 2.0, 2.0),
    baseline=Outcome("FCFS", 5.0, 4.9, 5.1),
    clairvoyant=Outcome("SRPT", 1.5, 1.5, 1.5),
    price=Price(),
    verdict="worth it",
    why="it is",
)


def row(**other):
    told = {"you_run": "LLM <requests>", "known": "lengths", "setting": "load 0.9", "story": "short jobs first",
            "meaning": "mean response and price", "report": REPORT, "draw": dict}  # fmt: skip
    return page.Row(**(told | other))


def written(path, *rows):
    done = page.write(path, rows, title="t", lede="l", command="beforehand tour", after="next")
    assert done
    return path.read_text("utf-8")


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (Price(), "nothing"),
        (Price(seconds=2e-9, per="value"), "2 ns"),
        (Price(seconds=2e-9, bytes=0.5, per="value"), "0.5 bytes"),
    ],
)
def test_the_table_holds_any_price(capsys, monkeypatch, price, shown):
    monkeypatch.setenv("COLUMNS", "100")
    page.show([row(report=Report(**{**vars(REPORT), "price": price}))])
    out = capsys.readouterr().out
    assert shown in out
    assert ("per value" in out) == (price != Price())


def test_rows_of_different_metrics_stand_together(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "100")
    other = row(you_run="arrays", meaning="squared error", report=Report(**{**vars(REPORT), "metric": "vNMSE"}))
    page.show([row(), other])
    shown = capsys.readouterr().out
    assert "cost" in shown
    assert "vNMSE" in shown
    text = written(tmp_path / "p.html", row(), other)
    assert "<dt>cost</dt><dd>mean response and price</dd>" in text
    assert "<dt>vNMSE</dt><dd>squared error</dd>" in text


def test_what_a_row_says_cannot_become_markup(tmp_path):
    text = written(tmp_path / "p.html", row())
    assert "<requests>" not in text
    assert html.escape("LLM <requests>") in text
