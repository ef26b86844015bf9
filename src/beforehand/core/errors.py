"""All exceptions of this library. Each also derives from the built-in that callers would expect.

BeforehandError
├── InvalidInput       (ValueError)     an argument breaks a rule
├── CapacityExceeded   (OverflowError)  more than a structure or format can hold
├── CorruptData        (ValueError)     bytes or a file that this library did not write, or that were damaged
├── StaleData          (ValueError)     what was built from files that have changed since
├── StorageError       (OSError)        a database below this library has failed
├── MissingDependency  (ImportError)    a host library is not installed
├── TimedOut           (TimeoutError)   others did not come, or answer, within the time that was set
└── Closed             (RuntimeError)   a queue that takes no more, or has no more to give; a job that has ended
"""


class BeforehandError(Exception):
    """Whatever this library raises on purpose."""


class InvalidInput(BeforehandError, ValueError):
    """An argument breaks a rule; the message names the value, the rule and the remedy."""


class CapacityExceeded(BeforehandError, OverflowError):
    """More was handed in, or asked for, than a structure, a byte format or the memory can hold."""


class CorruptData(BeforehandError, ValueError):
    """Bytes or a file that this library did not write, or that were damaged since."""


class StaleData(BeforehandError, ValueError):
    """What was built from files no longer fits them, as one of them has changed; the message says how to rebuild it."""


class StorageError(BeforehandError, OSError):
    """A database below this library has failed, or its disk; the message is the database's own."""


class MissingDependency(BeforehandError, ImportError):
    """A library that only some users need is not installed; the message says how to get it."""


class TimedOut(BeforehandError, TimeoutError):
    """Other processes did not come, or answer, within the time that was set; the message says which and how long."""


class Closed(BeforehandError, RuntimeError):
    """A queue was closed: it takes no more jobs, and once it is empty it gives none. Or others have ended a job."""
