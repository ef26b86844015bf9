"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import beforehand

MODULES = ["beforehand", *(module.name for module in pkgutil.walk_packages(beforehand.__path__, "beforehand."))]


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module):
    failed, _ = doctest.testmod(importlib.import_module(module))
    assert failed == 0


def test_the_public_classes_have_examples():
    found = [test for test in doctest.DocTestFinder().find(importlib.import_module("beforehand.core.trace"))]
    assert any(test.examples for test in found)
