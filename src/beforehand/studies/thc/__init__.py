"""THC (arXiv:2302.08545): what its claims come to here."""

from beforehand.studies.thc.study import run, steps

__all__ = ["run", "steps"]
