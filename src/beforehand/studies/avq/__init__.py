"""Adaptive vector quantization (arXiv:2402.03158)."""

from beforehand.studies.avq.study import run, steps

__all__ = ["run", "steps"]
