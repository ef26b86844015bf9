"""SkipPredict (arXiv:2402.03564), with claims of TRAIL and of a survey about the same queues."""

from beforehand.studies.skip_predict.study import run, steps

__all__ = ["run", "steps"]
