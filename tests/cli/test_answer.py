"""Answers look alike in a terminal and on a page."""

import html

import pytest

from beforehand.cli import answer, page
from beforehand.reporting import Sheet

SHEET = Sheet(title="by size", columns=["servers", "load"], rows=[["2", "0.50"], ["3", "<b>"]])


def draw():
    return {"A line.": lambda axes, theme: axes.plot([0, 1], [1, 2], color=theme.ink)}


def made(**other):
    told = {"question": "How many <servers>?", "lede": "About servers.", "told": "Two.\nOr three.", "sheets": [SHEET],
            "draw": draw}  # fmt: skip
    return answer.Answer(**told | other)


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def test_the_tables_come_first_and_the_answer_below(capsys):
    made().give(None, command="c", after="a")
    assert capsys.readouterr().out.splitlines() == [
        "by size", "", "servers  load", "2        0.50", "3        <b>", "", "Two.", "Or three.",
    ]  # fmt: skip


def test_the_page_holds_the_answer_the_tables_a_picture_and_what_to_do_next(tmp_path, capsys):
    made().give(tmp_path / "a.html", command="beforehand ask <x>", after="beforehand plan")
    assert f"wrote {tmp_path / 'a.html'}" in capsys.readouterr().out
    text = (tmp_path / "a.html").read_text("utf-8")
    for words in (
        "How many <servers>?",
        "About servers.",
        "Or three.",
        "<b>",
        "beforehand ask <x>",
        "beforehand plan",
    ):
        assert html.escape(words) in text
    assert "<servers>" not in text
    assert text.count("<svg") == 2
    assert '<td data-label="load">' in text


def test_without_what_draws_the_page_the_answer_is_printed_and_says_what_to_install(tmp_path, capsys, monkeypatch):
    def missing(name, drawn):
        raise ImportError

    monkeypatch.setattr(page, "pictures", missing)
    made().give(tmp_path / "a.html", command="c", after="a")
    shown = capsys.readouterr().out
    assert page.NO_PICTURES in shown
    assert "Two." in shown
    assert not (tmp_path / "a.html").exists()
