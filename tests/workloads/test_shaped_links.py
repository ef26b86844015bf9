"""Those marked links need root and iproute2: `make test-links` runs them."""

import os
import signal
import subprocess
import sys

import pytest

from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.workloads import shaped_links
from beforehand.workloads.shaped_links import ShapedLinks
from tests.areas import ROOT

SERVE = """
import socket, sys, time
server = socket.create_server(("0.0.0.0", 5000))
server.settimeout(20)
print("up", flush=True)
client, _ = server.accept()
received, start = 0, None
while block := client.recv(1 << 20):
    start = start or time.monotonic()
    received += len(block)
print(received * 8 / (time.monotonic() - start), flush=True)
"""
SEND = """
import socket, sys, time
client = socket.create_connection((sys.argv[1], 5000), timeout=20)
end, block, sent = time.monotonic() + 1.5, bytes(1 << 16), 0
while time.monotonic() < end:
    client.sendall(block)
    sent += len(block)
print(sent)
"""
INTERRUPTED = """
import signal, sys, time
from beforehand.workloads.shaped_links import ShapedLinks
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
with ShapedLinks(2) as links:
    links.start(0, ["sleep", "60"])
    print("up", flush=True)
    time.sleep(60)
"""


def namespaces():
    """Those of processes of this test, its children included."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.startswith("bh-")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers is 0, but must be a whole number from 1 to 250"),
        ({"workers": 251}, "workers is 251"),
        ({"workers": True}, "workers is True"),
        ({"rate": "50"}, "rate is '50', but must be a whole number of kbit, mbit or gbit, as '50mbit'"),
        ({"rate": "50mbit burst 1"}, "rate is '50mbit burst 1'"),
        ({"rate": "0mbit"}, "rate is '0mbit'"),
        ({"rate": 50}, "rate is 50"),
    ],
)
def test_an_option_that_breaks_its_rule_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        ShapedLinks(**{"workers": 2} | options)


def test_links_that_are_down_carry_nothing():
    links = ShapedLinks(2)
    with pytest.raises(InvalidInput, match="the links are down; use them inside"):
        links.sent_bytes(0)
    with pytest.raises(InvalidInput, match="rank is 2, but must be from 0 to 1"):
        links.start(2, ["true"])
    with pytest.raises(InvalidInput, match="the links are down"):
        links.shape("1gbit")
    with pytest.raises(InvalidInput, match="rate is 'fast'"):
        links.shape("fast")


def test_what_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(shaped_links.shutil, "which", lambda tool: None if tool == "tc" else tool)
    with pytest.raises(MissingDependency, match="shaped links need tc; apt-get install iproute2"):
        ShapedLinks(2).__enter__()
    monkeypatch.setattr(shaped_links.shutil, "which", lambda tool: tool)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingDependency, match="shaped links need root, but this is user 1000; run it with sudo"):
        ShapedLinks(2).__enter__()


def test_what_the_kernel_refuses_is_said_in_its_words(monkeypatch, tmp_path):
    for tool in ("ip", "tc"):
        (tmp_path / tool).write_text("#!/bin/sh\necho 'RTNETLINK answers: Operation not permitted' >&2\nexit 2\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(
        MissingDependency, match=r"`ip netns add bh-.*Operation not permitted.*run as root with CAP_NET"
    ):
        ShapedLinks(2).__enter__()


@pytest.mark.links
@pytest.mark.parametrize(("rate", "bits"), [("25mbit", 25e6), ("200mbit", 200e6)])
def test_goodput_is_the_rate_and_bytes_are_counted(rate, bits):
    with ShapedLinks(2, "5mbit") as links:
        links.shape(rate)
        to = {"stdout": subprocess.PIPE, "text": True}
        server = links.start(0, [sys.executable, "-c", SERVE], **to)
        assert server.stdout.readline() == "up\n"
        before = links.sent_bytes(1)
        client = links.start(1, [sys.executable, "-c", SEND, links.address], **to)
        sent = int(client.communicate(timeout=30)[0])
        goodput = float(server.communicate(timeout=30)[0])
        assert links.sent_bytes(1) - before == pytest.approx(sent, rel=0.01)
    assert goodput == pytest.approx(bits, rel=0.1)


@pytest.mark.links
def test_namespaces_and_processes_end_with_the_links():
    before = namespaces()
    with ShapedLinks(3, "1gbit") as links:
        sleeping = links.start(1, ["sleep", "60"])
        assert len(namespaces() - before) == 4
        interfaces = links.start(2, ["ip", "-br", "link"], stdout=subprocess.PIPE, text=True).communicate(timeout=10)[0]
        assert {line.split("@")[0].split()[0] for line in interfaces.splitlines()} == {"lo", "eth0"}
    assert namespaces() == before
    assert sleeping.poll() == -signal.SIGKILL


@pytest.mark.links
def test_namespaces_end_after_an_error():
    before = namespaces()
    with pytest.raises(InvalidInput, match="rank is 7"), ShapedLinks(2) as links:
        links.start(7, ["sleep", "60"])
    assert namespaces() == before


@pytest.mark.links
def test_namespaces_end_when_making_them_fails(monkeypatch):
    before, run = namespaces(), shaped_links._run

    def failing(*command):
        if command[0] == "tc":
            raise MissingDependency("no tc")
        return run(*command)

    monkeypatch.setattr(shaped_links, "_run", failing)
    with pytest.raises(MissingDependency, match="no tc"):
        ShapedLinks(2).__enter__()
    assert namespaces() == before


@pytest.mark.links
def test_what_a_killed_program_leaves_behind_goes_by_the_command_of_the_page():
    page = (ROOT / "docs" / "reference" / "workloads.md").read_text(encoding="utf-8")
    command = next(line for line in page.splitlines() if "ip netns delete" in line)
    running = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE)
    mine = f"bh-{running.pid}-"
    assert running.stdout.readline() == b"up\n"
    running.kill()
    running.wait(timeout=30)
    running.stdout.close()  # what it started holds the other end
    assert sum(name.startswith(mine) for name in namespaces()) == 3
    assert "^bh-" in command  # those of this test alone
    subprocess.run(["sh", "-c", command.replace("^bh-", f"^{mine}")], check=True, timeout=30)
    assert not any(name.startswith(mine) for name in namespaces())


@pytest.mark.links
def test_namespaces_end_at_an_interrupt():
    running = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline() == b"up\n"
    assert any(name.startswith(f"bh-{running.pid}-") for name in namespaces())
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    assert not any(name.startswith(f"bh-{running.pid}-") for name in namespaces())
