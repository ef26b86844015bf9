import importlib
import os

import pytest

from tests.integrations.torch.ranks import Ranks


@pytest.fixture(scope="session")
def torch():
    """The host, which other test environments lack."""
    return importlib.import_module("torch")


@pytest.fixture(scope="session")
def device(torch):
    """Where kernels run: on a GPU, or where there is none in Triton's interpreter, also in processes from now on."""
    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(scope="session")
def pair(device):
    """Two processes with a gloo group between them, which share the device; see `ranks`."""
    with Ranks(2) as ranks:
        yield ranks
