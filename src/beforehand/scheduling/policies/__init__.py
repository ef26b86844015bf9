"""The orders in which jobs are served, and the interface that any of them implements."""
