"""Public formats, one module each, as traces."""

from beforehand.workloads.formats.public_logs import recognize

__all__ = ["recognize"]
