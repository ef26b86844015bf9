"""LAMPS (arXiv:2410.18248) beside the systems before it, in a simulated engine."""

from beforehand.studies.lamps.study import run, steps

__all__ = ["run", "steps"]
