"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import beforehand
from tests.areas import AREAS, HOSTED

FOUND = [module.name for module in pkgutil.walk_packages(beforehand.__path__, "beforehand.")]
MODULES = ["beforehand", *(name for name in FOUND if not name.startswith(HOSTED))]
PROTOCOLS = {"Driver", "Encoder", "Plan", "Policy", "Predictor", "RangeFilter", "Rows", "Shards"}
RECORDS = {
    *(
        "Child",
        "Expectation",
        "Health",
        "NeededAccuracy",
        "NeededServers",
        "Simulation",
        "Stage",
        "Stages",
        "Stats",
        "Ticket",
        "TopRow",
        "View",
    ),
    *("Combine", "Gather", "LocalRound", "Piece", "RoundStats", "Simulated", "Sum", "Table", "WireBytes"),
    *("AggregatorStats", "RoundSeconds", "Scatter", "Speed", "SwitchRound"),
}
ERRORS = {"QueueFull", "QueueShutDown"}


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module):
    failed, _ = doctest.testmod(importlib.import_module(module))
    assert failed == 0


def test_the_public_classes_have_examples():
    finder = doctest.DocTestFinder()
    areas = [importlib.import_module(f"beforehand.{name}") for name in ("core", *AREAS)]
    classes = {name: each for area in areas for name in area.__all__ if inspect.isclass(each := getattr(area, name))}
    shown = {name for name, each in classes.items() if any(test.examples for test in finder.find(each))}
    assert len(shown) > 30
    assert classes.keys() - shown == PROTOCOLS | RECORDS | ERRORS
