import pytest


@pytest.fixture(autouse=True)
def few_jobs_for_percentiles(monkeypatch):
    """Plans of these tests simulate few jobs for the percentiles beside an exact mean."""
    monkeypatch.setattr("beforehand.scheduling.plan.planner.PERCENTILE_JOBS", 2_000)
