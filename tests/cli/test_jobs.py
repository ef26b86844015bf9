import shlex
from dataclasses import fields

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from beforehand.cli.jobs import JobOptions, LogFile, about, reads_jobs, show_jobs
from beforehand.core import Trace
from beforehand.core.errors import CorruptData

TEXT = "when;took;guess;state\n2024-05-10 00:00:02;5;4;ok\n2024-05-10;7;;ok\n2024-05-11;0;1;ok\n2024-05-12;9;1;bad\n"
GIVEN = {"size": "took", "arrival": "when", "cheap": "guess", "where": ["state=ok"], "size_unit": "s"}
EVERY = {
    "size": "a", "start": "b", "end": "c", "arrival": "d", "cheap": "e", "expensive": "f", "weight": "two words",
    "where": ["x=1", "y<2"], "missing": "drop", "assume_cheap": 0.0, "assume_expensive": 0.25, "size_unit": "ms",
    "time_unit": "s", "tokens_per_second": 50.0, "format": "csv", "separator": "tab", "decimal": ",", "no_header": True,
    "time_zone": "Europe/Berlin",
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    (tmp_path / "log.csv").write_text(TEXT)
    return tmp_path / "log.csv"


def heard(command, *words):
    """What a command that reads jobs was told by these words."""
    app, told = typer.Typer(), []

    @app.command()
    @reads_jobs
    def read(log: LogFile, jobs: JobOptions) -> None:
        told.append((log, jobs))

    done = CliRunner().invoke(app, [command, *words])
    assert done.exit_code == 0, done.output
    return told[0]


def test_a_log_is_read_as_the_options_say(path):
    trace = JobOptions(**GIVEN).read(path, seed=0)
    assert trace["size"].tolist() == [7, 5]
    assert trace["arrival"].tolist() == [0, 2]
    assert trace.meta["unit"] == "seconds"
    table = JobOptions(size="2", separator="tab", no_header=True, decimal=",")
    path.write_text("a\t1,5\nb\t2,5\n")
    assert table.read(path, seed=0)["size"].tolist() == [1.5, 2.5]


def test_every_option_goes_through_a_command_line_and_a_plan_and_back():
    assert set(EVERY) == {field.name for field in fields(JobOptions)}
    options = JobOptions(**EVERY)
    assert options.said() == EVERY
    assert JobOptions.of(options.said()) == options
    words = options.words()
    assert "--weight 'two words' --where x=1 --where 'y<2'" in words
    log, again = heard("-", *shlex.split(words))
    assert (str(log), again) == ("-", options)
    assert heard("log.csv")[1] == JobOptions()
    assert JobOptions().words() == ""


def test_options_stand_over_those_of_a_plan():
    kept = JobOptions(size="took", cheap="guess", no_header=True, where=["a=1"])
    assert JobOptions(cheap="better").over(kept) == JobOptions(
        size="took", cheap="better", no_header=True, where=["a=1"]
    )
    with pytest.raises(CorruptData, match=r"was read with tenant, which this version does not have"):
        JobOptions.of({"size": "a", "tenant": "b"})
    for wrong in ({"where": "a=1"}, {"where": [3]}, {"size": ["a"]}, {"no_header": "yes"}, {"tokens_per_second": "9"}):
        with pytest.raises(CorruptData, match=r"which is no such option; plan again"):
            JobOptions.of(wrong)


def test_what_was_left_out_missing_or_assumed_is_shown(path, capsys):
    trace = JobOptions(**GIVEN, assume_expensive=0.5).read(path, seed=0)
    show_jobs(trace)
    shown = capsys.readouterr().out
    assert "left out 2 of 4 rows: 1 not state=ok, 1 size not above 0" in shown
    assert "no cheap prediction for 1 of 2 jobs: they count as longer than all others; --missing drop leaves" in shown
    assert "assumed expensive predictions with lognormal errors of sigma 0.5" in shown
    told = about(trace)
    assert (told["jobs"], told["dropped"]) == (2, 2)
    assert told["missing"] == {"cheap": 1}
    assert told["columns"] == {"size": "took", "arrival": "when", "cheap": "guess"}


def test_a_column_that_is_empty_and_a_public_log_are_named(path, capsys):
    path.write_text("size,cheap\n1,\n2,\n")
    show_jobs(JobOptions().read(path, seed=0))
    assert "column cheap is empty: no cheap predictions" in capsys.readouterr().out
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,48,10\n")
    show_jobs(JobOptions().read(path, seed=0))
    assert "read as Azure LLM inference trace: sizes in tokens, arrivals in seconds" in capsys.readouterr().out
    path.write_text("Timestamp,Elapsed time,Model,Request tokens,Response tokens,Log Type\n5,1.5,GPT-4,48,10,API log\n")
    show_jobs(JobOptions(size="Elapsed time").read(path, seed=0))
    assert "sizes in a unit that is not known (--size-unit says it), arrivals" in capsys.readouterr().out


def test_nothing_is_said_about_a_log_that_was_read_whole(tmp_path, capsys):
    Trace("jobs", {"size": np.ones(3)}).save(tmp_path / "log.npz")
    show_jobs(JobOptions().read(tmp_path / "log.npz", seed=0))
    assert capsys.readouterr().out == ""
