"""A client of the gateway."""

import httpx
import pytest


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=20) as found:
        yield found
