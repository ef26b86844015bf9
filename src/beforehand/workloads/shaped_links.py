"""Slow links between processes of one machine, shaped by the kernel in network namespaces of their own."""

import contextlib
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, final

from beforehand.core.errors import InvalidInput, MissingDependency

RATE: Final = re.compile(r"[1-9]\d{0,5}(kbit|mbit|gbit)")
BURST, LATENCY = "128kb", "100ms"  # a burst must exceed the frames of 64 KiB that veth hands over
MOST: Final = 250  # workers in one network of 8 bits
COMMAND_SECONDS, END_SECONDS = 20.0, 5.0
_number = itertools.count()


@final
class ShapedLinks:
    """One network namespace for each worker, all on one bridge, each link with this rate both ways.

    A context manager. The namespaces are called `bh-<process>-<number>-<worker>`; leaving it ends the processes that it
    started and deletes them, at an error or Ctrl-C too. A program that any other signal ends leaves both behind; the
    page of workloads has the command that removes them. The interfaces of the host are never touched.

    Args:
        workers: How many, 1 to 250.
        rate: Of each worker's link and direction, as `tc` writes it: `"50mbit"`, `"1gbit"`.

    Guarantee:
        Goodput of one direction comes within 10 % of `rate` up to 1 Gb/s. There is no added delay and no loss, since
        netem is missing in many kernels. Buffers hold 100 ms.

    Raises:
        MissingDependency: This process is not root, or `ip` or `tc` is missing, or the kernel refuses namespaces.
        InvalidInput: An option breaks its rule.

    Example:
        What a process of worker 1 sends is counted::

            with ShapedLinks(2, "50mbit") as links:
                links.start(1, [sys.executable, "-m", "mine", links.address]).wait()
                print(links.sent_bytes(1))
    """

    address: str = "10.77.0.1"
    """Where worker 0 is reached by the others."""

    def __init__(self, workers: int, rate: str = "50mbit") -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST:
            raise InvalidInput(f"workers is {workers!r}, but must be a whole number from 1 to {MOST}")
        self.workers, self.rate = workers, _checked(rate)
        self._prefix = f"bh-{os.getpid()}-{next(_number)}-"
        self._started: list[subprocess.Popen[Any]] = []
        self._made: list[str] = []

    def __enter__(self) -> Self:
        """Make the namespaces and links."""
        for tool in ("ip", "tc"):
            if not shutil.which(tool):
                raise MissingDependency(f"shaped links need {tool}; apt-get install iproute2")
        if os.geteuid() != 0:
            raise MissingDependency(f"shaped links need root, but this is user {os.geteuid()}; run it with sudo")
        try:
            self._make()
        except BaseException:
            self._delete()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was started, and delete the namespaces."""
        self._delete()

    def start(
        self, rank: int, argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[Any]":
        """Start a process at a worker's end.

        Args:
            rank: Of the worker.
            argv: The program and its arguments.
            env: Its environment; None is this process's. gloo is told the interface.
            options: For `subprocess.Popen`.
        """
        around = {**(os.environ if env is None else env), "GLOO_SOCKET_IFNAME": "eth0"}
        command = ["ip", "netns", "exec", self._namespace(rank), *argv]
        process = subprocess.Popen(command, env=around, **options)
        self._started.append(process)
        return process

    def shape(self, rate: str) -> None:
        """Change the rate of all links, while processes run."""
        checked = _checked(rate)
        self._namespace(0)  # raises where there is none
        self.rate = checked
        for namespace, device in self._ends():
            self._tbf("change", namespace, device)

    def sent_bytes(self, rank: int) -> int:
        """What a worker has sent so far, with the headers of Ethernet, IP and TCP of each frame of up to 64 KiB."""
        path = "/sys/class/net/eth0/statistics/tx_bytes"
        return int(_run("ip", "netns", "exec", self._namespace(rank), "cat", path))

    def _namespace(self, rank: int) -> str:
        if not 0 <= rank < self.workers:
            raise InvalidInput(f"rank is {rank}, but must be from 0 to {self.workers - 1}")
        name = f"{self._prefix}{rank}"
        if name not in self._made:
            raise InvalidInput("the links are down; use them inside `with ShapedLinks(...) as links:`")
        return name

    def _make(self) -> None:
        switch = f"{self._prefix}sw"
        self._add(switch)
        _run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", switch, "link", "set", "br0", "up")
        for rank in range(self.workers):
            worker, port = f"{self._prefix}{rank}", f"p{rank}"
            self._add(worker)
            link = ("ip", "-n", switch, "link")
            _run(*link, "add", port, "type", "veth", "peer", "name", "eth0", "netns", worker)
            _run(*link, "set", port, "master", "br0", "up")
            _run("ip", "-n", worker, "address", "add", f"10.77.0.{rank + 1}/24", "dev", "eth0")
            for namespace, device in ((worker, "lo"), (worker, "eth0")):
                _run("ip", "-n", namespace, "link", "set", device, "up")
        for namespace, device in self._ends():
            self._tbf("add", namespace, device)

    def _ends(self) -> list[tuple[str, str]]:
        """Both ends of each link; each shapes what it sends."""
        switch = f"{self._prefix}sw"
        return [
            end for rank in range(self.workers) for end in ((f"{self._prefix}{rank}", "eth0"), (switch, f"p{rank}"))
        ]

    def _tbf(self, verb: str, namespace: str, device: str) -> None:
        shape = ("rate", self.rate, "burst", BURST, "latency", LATENCY)
        _run("tc", "-n", namespace, "qdisc", verb, "dev", device, "root", "tbf", *shape)

    def _add(self, namespace: str) -> None:
        self._made.append(namespace)  # first, so that an interrupt in between leaves nothing behind
        _run("ip", "netns", "add", namespace)

    def _delete(self) -> None:
        """Whatever fails, the rest is deleted."""
        for process in self._started:
            process.kill()
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
        for namespace in self._made:
            with contextlib.suppress(MissingDependency):
                _run("ip", "netns", "delete", namespace)
        self._started, self._made = [], []


def _checked(rate: str) -> str:
    if not isinstance(rate, str) or not RATE.fullmatch(rate):
        raise InvalidInput(f"rate is {rate!r}, but must be a whole number of kbit, mbit or gbit, as '50mbit'")
    return rate


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        raise MissingDependency(
            f"`{' '.join(command)}` took over {COMMAND_SECONDS:.0f} s; look at this machine"
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise MissingDependency(
            f"the kernel refuses links of our own: `{' '.join(command)}` says {said!r}; run as root with CAP_NET_ADMIN"
        )
    return done.stdout
