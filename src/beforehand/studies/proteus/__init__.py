"""Proteus (arXiv:2207.01503): a range filter that is designed by a model of its false positives."""

from beforehand.studies.proteus.study import run, steps

__all__ = ["run", "steps"]
