"""`beforehand streams` as a process: interrupts, terminals, pipes and standard input."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from beforehand import streams

KEYS = [f"/page/{rank}" for rank in np.random.default_rng(0).zipf(1.5, 20_000) % 1000]


COUNTS = Counter(KEYS)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "x.log").write_text("\n".join(KEYS) + "\n")
    return tmp_path


def test_a_summary_may_go_into_a_pipe(here):
    os.mkfifo("pipe")
    with beforehand("streams", "top", "x.log", "--save", "pipe", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        assert streams.from_bytes((here / "pipe").read_bytes()).total == len(KEYS)


def beforehand(*command, **options):
    program = "import sys; from beforehand.__main__ import main; sys.exit(main())"
    restored = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    return subprocess.Popen([sys.executable, "-c", restored + program, *command], text=True, **options)


def test_ctrl_c_while_following_shows_the_result_so_far(here):
    command = ["streams", "top", "x.log", "--follow", "--every", "25000", "--json", "--save", "s.bhss"]
    with beforehand(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with open("x.log", "a") as stream:
            stream.write("late\n" * 5000)
        first = ""
        while not first.endswith("}\n") or first.count("{") > first.count("}"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            first += line
        with open("x.log", "a") as stream:
            stream.write("half a line")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert out == ""  # it has been shown
    assert json.loads(first)["total"] == json.loads(first)["arrivals"] == len(KEYS) + 5000
    assert streams.from_bytes((here / "s.bhss").read_bytes()).total == len(KEYS) + 5000


def test_a_terminal_sees_how_far_it_is(here):
    (here / "long.log").write_text("\n".join(KEYS * 300))
    terminal, end = pty.openpty()
    command = ["streams", "top", "long.log", "--k", "1", "--check"]
    with beforehand(*command, stdout=subprocess.PIPE, stderr=end, env=os.environ | {"TERM": "xterm"}) as process:
        os.close(end)
        shown = b""
        try:
            while block := os.read(terminal, 4096):
                shown += block
        except OSError:  # the other end was closed
            pass
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == 0
    assert f"{300 * len(KEYS):,}" in out
    assert b"M/s, most often: " + COUNTS.most_common(1)[0][0].encode() in shown


def test_standard_input_is_read_to_its_end(here):
    with beforehand("streams", "top", "-", "--k", "1", "--output", "csv",
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # fmt: skip
        out, _ = process.communicate("b\na\nb\n", timeout=60)
    assert out == "rank,key,estimate,lower,upper,share\n1,b,2.0,2,2,0.6666666666666666\n"
