import importlib

import pytest

from tests.integrations.torch.ranks import Ranks


@pytest.fixture
def torch():
    """The host, which other test environments lack."""
    return importlib.import_module("torch")


@pytest.fixture(scope="session")
def pair():
    """Two processes with a gloo group between them; see `ranks`."""
    with Ranks(2) as ranks:
        yield ranks


@pytest.fixture(scope="session")
def four():
    """Four of them, for what runs in the night."""
    with Ranks(4) as ranks:
        yield ranks
