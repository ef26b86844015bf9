import importlib

import pytest


@pytest.fixture
def torch():
    """The host, which other test environments lack."""
    return importlib.import_module("torch")
