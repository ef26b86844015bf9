"""Learned Space Saving (arXiv:2406.16270), and what predictions are worth to heavy hitters."""

from beforehand.studies.lss.study import run, steps

__all__ = ["run", "steps"]
