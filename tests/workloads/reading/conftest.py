"""A fixture that runs a test once in each of the two ways to read csv."""

import pytest

from tests.workloads.reading.engines import ENGINES, use


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    use(request.param, monkeypatch)
