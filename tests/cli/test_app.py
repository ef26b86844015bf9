import re
import subprocess
import sys

import pytest

from beforehand import __version__
from beforehand.cli import app, catalog
from beforehand.cli.areas import AREAS
from tests.cli.commands import commands, options

KEPT = (  # x is read, and would be written to
    "trace convert x --output x",
    "scheduling plan-queue x --load 0.8 --output x",
    "scheduling plan-queue x --load 0.8 --html x",
    "scheduling accuracy x --load 0.8 --html x",
    "scheduling servers x --within 9 --html x",
    "scheduling simulate-serving x --profile llama3-8b-a100-80g --chrome x",
    "scheduling simulate-serving y --profile x --html x",
    "scheduling plan-serving x --profile llama3-8b-a100-80g --output x",
    "scheduling plan-serving y --profile x --html x",
    "scheduling calibrate --steps x --output x",
    "scheduling train-probe --model y --prompts x --output x",
    "quantization encode x --output x",
    "quantization decode x --output x",
    "quantization plan x --bits 4 --output x",
    "quantization plan x --bits 4 --html x",
    "streams top y x --save x",
    "streams top y --predictor x --save x",
    "streams top y --plan x --save x",
    "streams train y x --save x",
    "streams plan y x --memory 64KiB --save x",
    "streams plan y --predictor x --memory 64KiB --save x",
    "ranges plan x --keys y --output x",
    "ranges plan y --keys x --policy x",
    "gradients plan x --workers 4 --compute-seconds 0.1 --output x",
    "gradients plan y --workers 4 --compute-seconds 0.1 --link x --output x",
)
NEW = {  # of commands without an input, whose input ends otherwise, or is part of what is written
    "tour --report",
    "scheduling gateway --record",
    "streams merge --save",
}
SHARED = ["audit", "explain", "reproduce", "systems", "tour", "trace convert", "trace show"]  # of no single area
COMMANDS = commands(app.app)
GROUPS = sorted({command.split()[0] for command in COMMANDS if " " in command})


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_a_group_alone_is_help(capsys, group):
    assert app.run(group.split()) == 0
    assert "Commands" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(capsys, command):
    assert app.run([*command.split(), "--help"]) == 0
    assert f"Example: beforehand {command}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("line", KEPT)
def test_no_command_writes_over_what_it_reads(capsys, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    for name in "xy":
        (tmp_path / name).write_text("held")
    assert app.run(line.split()) == 2
    said = "x and the input x are one file, which would be overwritten; choose another place"
    assert capsys.readouterr().err == f"beforehand: {said}\n"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["held"] * 2


def test_every_option_that_says_where_to_write_is_tried():
    tried = {f"{' '.join(line.split()[:2])} {line.split()[-2]}" for line in KEPT}
    assert tried | NEW == {
        f"{command} {option.opts[0]}"
        for command in COMMANDS
        for option in options(app.app, command)
        if (getattr(option, "help", None) or "").startswith("Where to write")
    }


def test_help_shows_square_brackets_as_they_are(capsys):
    assert app.run(["tour", "--help"]) == 0
    assert "pip install 'beforehand[report]'" in " ".join(capsys.readouterr().out.split())


def test_the_commands_are_these_and_those_of_the_areas():
    areas = {area.name for area in AREAS}
    assert set(GROUPS) == {"trace", *areas}
    assert [command for command in COMMANDS if command.split()[0] not in areas] == SHARED


def test_help_lists_every_command_and_group(capsys):
    app.run([])
    box = capsys.readouterr().out.partition(" Commands ")[2]
    assert sorted(re.findall(r"^│ (\S+)", box, re.MULTILINE)) == sorted({command.split()[0] for command in COMMANDS})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "No such command 'nothing'. See beforehand --help"),
        (["trace", "show"], "Missing argument 'FILE'. See beforehand trace show --help"),
        (["systems", "--no"], "See beforehand systems --help"),
        (["quantization", "encode", "a.npy", "-o", "b", "--levels", "0"], "Invalid value for '--levels'"),
        (["scheduling", "servers", "a.csv", "--within", "3.5s"], "Invalid value for '--within': '3.5s' is not a"),
        (["scheduling", "servers", "a.csv", "--within", "3", "--seed", "x"], "for '--seed': 'x' is not a"),
        (
            ["scheduling", "plan-queue", "a.csv", "--goal", "p90"],
            "for '--goal': 'p90' is not one of 'mean', 'p95', 'p99'",
        ),
        (["explain", "gone.json"], "gone.json cannot be read: No such file or directory; check the path"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_code_2(capsys, arguments, words):
    assert app.run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("beforehand: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ZeroDivisionError("two\nlines"), "two lines"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (MemoryError(), "this needs more memory than there is"),
    ],
)
def test_even_an_unforeseen_error_is_one_line_unless_debug(monkeypatch, capsys, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(catalog.render, "table", fail)
    assert app.run(["systems"]) == 2
    assert capsys.readouterr().err == f"beforehand: {words}\n"
    with pytest.raises(type(error)):
        app.run(["--debug", "systems"])


def test_an_interrupt_is_code_130(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog.render, "table", interrupt)
    assert app.run(["systems"]) == 130


def test_the_version_is_printed(capsys):
    assert app.run(["--version"]) == 0
    assert capsys.readouterr().out == f"beforehand {__version__}\n"


def test_help_waits_for_no_area():
    program = "import sys; from beforehand.cli.app import run; run(['--help']); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_python_m_beforehand_is_the_command():
    done = subprocess.run([sys.executable, "-m", "beforehand", "nothing"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
