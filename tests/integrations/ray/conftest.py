import importlib
import secrets

import pytest


@pytest.fixture(scope="session")
def ray():
    """A cluster of this machine alone; other test environments lack the library."""
    host = importlib.import_module("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # otherwise Ray writes one below the home
        host.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield host
        host.shutdown()
