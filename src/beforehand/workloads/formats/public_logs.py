"""The public logs that the beginning of a file gives away."""

from os import PathLike
from typing import Final, Protocol

from beforehand.core.errors import CorruptData, InvalidInput, MissingDependency
from beforehand.workloads.formats import (
    apache,
    azure_llm,
    burst_gpt,
    caddy,
    mooncake,
    nginx,
    qwen_bailian,
    sacct,
    swf,
    traefik,
    vllm_bench,
)
from beforehand.workloads.formats.public_jobs import PublicJobs
from beforehand.workloads.reading import Head, Reading, look


class PublicLog(Protocol):
    """What the module of a public log offers."""

    NAME: str
    """Its name among ours, such as `burst_gpt`."""

    SOURCE: str
    """Its name among people, such as `BurstGPT`."""

    SIZE_UNIT: str
    """The unit of its sizes, such as `tokens`."""

    TIME_UNIT: str
    """The unit of its arrivals, such as `seconds`."""

    def recognize(self, head: Head) -> bool:
        """Whether a file that begins so is one."""

    def read(self, path: str, reading: Reading) -> PublicJobs:
        """Its rows as jobs."""


LOGS: Final[tuple[PublicLog, ...]] = (
    azure_llm, burst_gpt, mooncake, qwen_bailian, sacct, swf, vllm_bench, nginx, traefik, caddy, apache,
)  # fmt: skip


def recognized(head: Head) -> PublicLog | None:
    """The module that reads a file that begins so, or None if it is not a public log."""
    return next((log for log in LOGS if log.recognize(head)), None)


def recognize(path: str | PathLike[str], reading: Reading | None = None) -> PublicLog | None:
    """The module that reads this file, or None if it is not a public log or cannot be read."""
    try:
        return recognized(look(path, reading or Reading()))
    except (InvalidInput, CorruptData, MissingDependency):
        return None
