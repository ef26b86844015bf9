"""The learned sliding window (arXiv:2409.11516), with claims of WCSS and of Memento, on which it stands."""

from beforehand.studies.learned_window.study import run, steps

__all__ = ["run", "steps"]
