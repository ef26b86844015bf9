"""Ctrl-C as something to look at between two steps, so that what was read is counted, and counted once."""

import os
import select
import signal
from types import FrameType
from typing import Any, final


class Interrupted(Exception):
    """Ctrl-C came while there was nothing to read yet."""


@final
class Interrupts:
    """While it is entered, a first Ctrl-C only sets `asked`; a second one ends the program as usual."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "Interrupts":
        """Begin to listen."""
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._handler: Any = signal.signal(signal.SIGINT, self._note)
        self._wakeup = signal.set_wakeup_fd(self._write)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals as they were."""
        signal.set_wakeup_fd(self._wakeup)
        signal.signal(signal.SIGINT, self._handler)
        os.close(self._read)
        os.close(self._write)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def wait(self, *files: int, seconds: float | None = None) -> None:
        """Wait until one of the files can be read, or so long.

        Raises:
            Interrupted: Ctrl-C came, now or before.
        """
        if not self.asked:
            select.select([self._read, *files], [], [], seconds)
        if self.asked:
            raise Interrupted
