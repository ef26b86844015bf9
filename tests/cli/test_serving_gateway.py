import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from beforehand.__main__ import main
from beforehand.cli.serving_gateway import _loop_factory
from beforehand.core import Trace
from tests.integrations.gateway.plans import plan
from tests.integrations.gateway.servers import SmallEngine, chat, serving

COMMAND = [sys.executable, "-m", "beforehand", "scheduling", "gateway", "--listen", "127.0.0.1:0"]


class Process:
    """The command, and the lines that it has printed."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = self.line()

    def line(self):
        return self.process.stdout.readline()

    @property
    def url(self):
        return re.search(r"at (http://\S+),", self.said)[1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=20)[0]


@pytest.fixture
def started():
    running = []

    def start(*options):
        running.append(Process(*options))
        return running[-1]

    yield start
    for each in running:
        each.process.kill()
        each.process.wait()
        each.process.stdout.close()


@pytest.mark.slow
def test_it_serves_records_and_reads_its_plan_anew(started, tmp_path):
    engine, path, record = SmallEngine(), tmp_path / "plan.json", tmp_path / "seen.npz"
    plan().save(path)
    with serving(engine.app) as upstream:
        found = started("--upstream", upstream, "--plan", str(path), "--record", str(record))
        assert found.said.startswith(f"{plan().policy} at http://127.0.0.1:")
        ask = lambda: httpx.post(found.url + "/v1/chat/completions", json=chat("x"), trust_env=False)  # noqa: E731
        assert ask().status_code == 200
        assert engine.bodies[0]["priority"] > 0
        fields = json.loads(path.read_text())
        path.write_text("damaged")
        os.kill(found.process.pid, signal.SIGHUP)
        assert "the old plan stays" in found.line()
        assert len(Trace.load(record)) == 1
        assert ask().status_code == 200
        fields["candidates"][0]["policy"]["boost"] = 5.0
        path.write_text(json.dumps(fields))
        os.kill(found.process.pid, signal.SIGHUP)
        assert "boost=5," in found.line()
        assert ask().status_code == 200
        assert found.stop() == ""
    assert found.process.returncode in (0, -signal.SIGTERM)
    assert Trace.load(record)["output_tokens"].tolist() == [5, 5, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--upstream", "localhost"], "must begin with http"),
        (["--upstream", "http://a:1", "--listen", "8001"], "--listen is '8001', but must be a host and a port"),
        (["--upstream", "http://a:1", "--listen", "a:99999"], "must be a host and a port"),
        (["--upstream", "http://a:1", "--plan", "none.json"], "none.json cannot be read"),
        (["--upstream", "http://a:1", "--record", "seen.txt"], "must end in .npz"),
        (["--upstream", "http://a:1", "--record", "none/seen.npz"], "must lie in a folder that exists"),
        (["--upstream", "http://a:1", "--upstream", "http://a:1"], "twice"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(options, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["beforehand", "scheduling", "gateway", *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_sentence(capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        options = ["--upstream", "http://a:1", "--listen", where]
        monkeypatch.setattr(sys, "argv", ["beforehand", "scheduling", "gateway", *options])
        with pytest.raises(SystemExit) as stopped:
            main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert f"--listen is {where}, but nothing can listen there" in said
    assert said.count("\n") == 1


def test_its_loop_is_the_fast_one_where_that_is_installed(monkeypatch):
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        assert type(runner.get_loop()).__module__ == "uvloop"
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert _loop_factory() is None
