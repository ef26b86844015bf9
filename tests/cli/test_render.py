import pytest

from beforehand.cli import render
from beforehand.core import Outcome, Price, Report


def report(**change):
    fields = {
        "area": "quantization",
        "metric": "vNMSE",
        "expected": Outcome("histogram", 0.02, 0.01, 0.03),
        "measured": Outcome("histogram", 0.025, 0.025, 0.025),
        "baseline": Outcome("uniform", 1.8, 1.7, 1.9),
        "clairvoyant": Outcome("exact", 0.015, 0.015, 0.015),
        "price": Price(seconds=2e-9, per="value"),
        "verdict": "worth it",
        "why": "it saves 3.6 bits per value",
    }
    return Report(**fields | change)


def test_a_report_stands_side_by_side(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    render.show_report(report())
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "                   design     vNMSE  interval",
        "strongest without  uniform    1.8    1.7 to 1.9",
        "expected           histogram  0.02   0.01 to 0.03",
        "measured           histogram  0.025  0.025 to 0.025",
        "clairvoyant        exact      0.015  0.015 to 0.015",
        "",
        "expectation  came true",
        "price        2 ns per value",
        "verdict      worth it: it saves 3.6 bits per value",
    ]


def test_a_broken_promise_is_named(capsys):
    render.show_report(report(expected=Outcome("histogram", 0.01, 0.01, 0.01)))
    assert "did not come true: plan again on new data" in capsys.readouterr().out
    render.show_report(report(expected=Outcome("histogram", 0.04, 0.03, 0.05)))
    assert "did not come true: what was measured is better" in capsys.readouterr().out


def test_a_measurement_that_could_be_anything_confirms_nothing(capsys):
    render.show_report(report(measured=Outcome("histogram", 0.0, 0.0, 0.8)))
    assert "open: too little was measured to tell" in capsys.readouterr().out
    render.show_report(
        report(expected=Outcome("histogram", 0.0, 0.0, 0.0), measured=Outcome("histogram", 0.0, 0.0, 0.1))
    )
    assert "came true" in capsys.readouterr().out


@pytest.mark.parametrize("verdict", ["worth it", "don't bother", "unclear"])
def test_every_verdict_has_a_style(verdict):
    assert render.verdict(report(verdict=verdict)).plain == verdict


def test_text_is_never_broken_or_read_as_markup(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    render.show("pip install 'beforehand[report]' please")
    assert capsys.readouterr().out == "pip install 'beforehand[report]' please\n"


def test_a_table_in_a_pipe_has_a_line_for_each_row_and_no_blanks_at_their_ends(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    table = render.table("key", "note")
    table.add_row("k" * 3000, "")
    table.add_row("short", "a long note")
    render.show_table(table)
    assert capsys.readouterr().out.split("\n") == [
        "key" + " " * 2999 + "note", "k" * 3000, "short" + " " * 2997 + "a long note", ""
    ]  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    render.show_table(table)
    assert max(map(len, capsys.readouterr().out.split("\n"))) == 80


def test_a_table_in_a_terminal_is_folded_at_its_edge(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    table = render.table("key")
    table.add_row("k" * 50)
    render.show_table(table)
    assert "k" * 40 + "\n" + "k" * 10 in capsys.readouterr().out


def test_progress_is_not_drawn_where_no_one_looks(capsys):
    with render.progress(2) as steps:
        steps.begin("one")
        steps.begin("two")
    assert capsys.readouterr() == ("", "")


def test_numbers_that_json_lacks_are_told_apart():
    told = render.finite({"a": float("nan"), "b": {"c": float("inf")}, "d": 1.5, "e": "x"})
    assert told == {"a": None, "b": {"c": "inf"}, "d": 1.5, "e": "x"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.012345, "0.0123"), (999.4, "999"), (1234.5, "1,234"), (-31300.0, "-31,300"), (3e9, "3e+09")],
)
def test_numbers_have_three_digits_or_are_written_out(value, shown):
    assert render.number(value) == shown
