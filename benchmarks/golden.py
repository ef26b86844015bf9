"""The golden means that tests hold the formulas to, for benchmarks, and how a table names their distributions."""

import sys
from dataclasses import fields
from pathlib import Path

from beforehand.scheduling import JobDistribution

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.scheduling.golden_queues import EXACT, GOLDEN

__all__ = ["EXACT", "GOLDEN", "told"]


def told(distribution: JobDistribution) -> tuple[str, str]:
    """Sizes, and how predictions err: the expensive ones, then the cheap ones if they differ."""

    def named(part: object) -> str:
        options = [f"{value:g}" for field in fields(part) if (value := getattr(part, field.name)) != field.default]
        return type(part).__name__.removesuffix("Error") + (f"({', '.join(options)})" if options else "")

    errors = dict.fromkeys(named(error) for error in (distribution.expensive, distribution.cheap) if error is not None)
    return named(distribution.size), ", ".join(errors)
