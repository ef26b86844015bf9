"""TRAIL (arXiv:2410.01035) on an engine that batches, and what UniBoost (arXiv:2606.18431) says about predictions."""

from beforehand.studies.trail.study import run, steps

__all__ = ["run", "steps"]
