"""What a queue raises when it is full or was shut down: errors of this library that are asyncio's too."""

import asyncio
import sys

from beforehand.core.errors import CapacityExceeded, Closed

if sys.version_info >= (3, 13):
    from asyncio import QueueShutDown as _QueueShutDown
else:

    class _QueueShutDown(Exception):
        """What `asyncio` calls it from Python 3.13 on."""


class QueueFull(CapacityExceeded, asyncio.QueueFull):
    """`put_nowait` found `maxsize` jobs waiting."""


class QueueShutDown(Closed, _QueueShutDown):
    """The queue was shut down: it takes no more jobs, and once it is empty it gives none; `asyncio`'s from 3.13 on."""
