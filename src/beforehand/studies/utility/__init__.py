"""Beyond Throughput and Compression Ratios (arXiv:2407.01378): what makes gradient compression useful in the end."""

from beforehand.studies.utility.study import run, steps

__all__ = ["run", "steps"]
