import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from beforehand.cli import tour
from beforehand.cli.app import run
from beforehand.cli.page import COLUMNS
from tests.report_page import QUICK, page, toured

KEPT = json.loads((Path(__file__).parents[2] / "docs" / "tour.json").read_text())["rows"]  # what the README shows
PYTHON = f'python -c "{tour.MAKE}"'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def planned(monkeypatch):
    """Scenes that give the rows they gave before."""
    monkeypatch.setattr(tour, "SCENES", [lambda begin, *, quick, seed, row=row: row for row in toured().rows])


@pytest.fixture
def undrawn(monkeypatch):
    """No figures, which take most of a tour's time."""
    monkeypatch.setattr(tour.page, "write", lambda path, rows, **words: bool(path.write_text(words["title"])))


def test_the_tour_prints_one_table_and_writes_one_report():
    shown = toured().printed
    assert all(row["you_run"] in shown for row in KEPT)
    assert all(word in shown for word in ["worth it", "don't bother", "clairvoyant"])
    assert "report.html" in shown
    assert toured().files == ["report.html"]


def test_80_columns_cut_no_name(here, capsys, monkeypatch, planned, undrawn):
    monkeypatch.setenv("COLUMNS", "80")
    reports, show = [], tour.page.show
    monkeypatch.setattr(tour.page, "show", lambda rows: (reports.extend(row.report for row in rows), show(rows)))
    assert run(["tour", *QUICK]) == 0
    table = capsys.readouterr().out.partition("Lower is better")[0]
    assert "\u2026" not in table
    assert max(map(len, table.splitlines())) <= 80
    names = {each.design for report in reports for each in (report.baseline, report.measured, report.clairvoyant)}
    assert len(names) > 5
    assert all(word in table for name in names for word in name.replace("(", " (").replace("-", "- ").split())
    assert all(word in table for column in COLUMNS for word in column.split())


def test_the_tour_speaks_json(here, capsys, planned, undrawn):
    assert run(["tour", *QUICK, "--json", "--report", "r.html"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["you_run"], row["verdict"]) for row in rows] == [(row["you_run"], row["verdict"]) for row in KEPT]
    assert all(row["known"] and row["setting"] and row["metric"] for row in rows)
    assert (here / "r.html").exists()


def test_every_row_names_its_own_metric_and_the_report_says_what_it_means():
    shown = toured().printed
    for metric, rows in Counter(row["metric"] for row in KEPT).items():
        assert shown.count(metric) == page().count(f"<small>{metric}</small>") == rows
        assert page().count(f"<dt>{metric}</dt>") == 1


def test_the_report_needs_nothing_from_outside(here):
    text = page()
    assert "<script" not in text
    assert not re.search(r'(src|href|xlink:href)="(?!#|data:)', text)
    assert not re.search(r"url\((?!#)|@import|@font-face", text)


def test_ids_are_unique_and_all_references_meet_one(here):
    text = page()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)) <= {(name, "") for name in ids} | {
        ("", n) for n in ids
    }


def test_every_picture_is_drawn_for_light_and_for_dark(here):
    text = page()
    assert text.count('<svg class="light"') == text.count('<svg class="dark"') == text.count("<figure") > len(KEPT)
    assert "width=" not in "".join(re.findall(r"<svg[^>]*>", text))


def test_without_matplotlib_the_tour_prints_its_table_and_says_how_to_get_the_report(
    here, capsys, monkeypatch, planned
):
    monkeypatch.delitem(sys.modules, "beforehand.cli.figures", raising=False)
    monkeypatch.delattr("beforehand.cli.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["tour", *QUICK]) == 0
    shown = capsys.readouterr().out
    assert "worth it" in shown
    assert "pip install 'beforehand[report]'" in shown
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (["b.npy", "a.npz", "a b.npy"], "beforehand quantization encode 'a b.npy' --levels 16 -o 'a b.bhq'"),
        (["t.parquet", "notes.txt"], "beforehand trace show t.parquet"),
        (["t.jsonl"], "beforehand trace show t.jsonl"),
        ([], f"{PYTHON} && beforehand quantization encode weights.npy --levels 16 -o weights.bhq"),
    ],
)
def test_the_last_word_is_a_command_for_what_lies_in_the_folder(here, monkeypatch, files, command):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for name in files:
        (here / name).touch()
    assert tour.next_command(here) == command


@pytest.mark.parametrize(
    ("header", "known"),
    [("arrival,size", True), ("TIMESTAMP,ContextTokens,GeneratedTokens", True), ("width,height", False), ("", False)],
)
def test_the_last_word_knows_a_log_of_jobs_by_its_header(here, monkeypatch, header, known):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    (here / "my log.csv").write_text(f"{header}\n")
    assert tour.next_command(here).startswith("beforehand scheduling plan-queue 'my log.csv' --load 0.8") == known


def test_the_last_word_can_be_copied_where_the_command_is_not_on_the_path(here, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "executable", str(here / ".venv" / "bin" / "python"))
    (here / "t.jsonl").touch()
    assert tour.next_command(here) == ".venv/bin/beforehand trace show t.jsonl"


def test_the_file_that_the_last_word_makes_is_an_array(here):
    exec(tour.MAKE, {})
    assert np.load("weights.npy").shape == (100, 1000)
