"""The two ways to read csv."""

from beforehand.workloads.reading import arrow_csv, files

ENGINES = ("pyarrow", "standard library")


def use(way, monkeypatch):
    """Read all csv, however small, by pyarrow, or all without it."""
    monkeypatch.setattr(files, "SMALL", -1)
    monkeypatch.setattr(arrow_csv, "installed", lambda: way == "pyarrow")
