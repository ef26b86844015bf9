"""The public logs that a file's header gives away."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.workloads.formats import azure_llm


class PublicLog(Protocol):
    """What the module of a public log offers."""

    META: Mapping[str, Any]
    """The metadata of its traces, with `source`, the name of the log, and `unit`, that of the column `size`."""

    def recognize(self, path: str | PathLike[str]) -> bool:
        """Whether the file is one; False where it cannot be read."""

    def columns(self, path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
        """Its columns under the names of a trace of kind `jobs`, all rows as they stand."""

    def read(self, path: str | PathLike[str]) -> Trace:
        """A trace of kind `jobs`."""


LOGS: Final[tuple[PublicLog, ...]] = (azure_llm,)


def recognize(path: str | PathLike[str]) -> PublicLog | None:
    """The module that reads this file, or None if it is not a public log."""
    return next((log for log in LOGS if log.recognize(path)), None)
