import json

import numpy as np
import pytest

from beforehand.workloads.formats import traefik
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look

RECORD = {"DownstreamStatus": 200, "Duration": 2_000_000, "OriginDuration": 1_500_000, "RequestPath": "/"}


@pytest.fixture
def read(tmp_path):
    def of(*records):
        path = tmp_path / "access.log"
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        assert recognized(look(str(path))) is traefik
        return traefik.read(str(path), Reading())

    return of


def test_a_job_is_what_the_service_took_and_requests_without_one_are_left_out(read):
    jobs = read(
        RECORD | {"StartUTC": "2026-11-29T16:19:02.25Z"},
        RECORD | {"StartUTC": "2026-11-29T16:19:01Z", "OriginDuration": 0},
    )
    np.testing.assert_allclose(jobs.columns["size"], [0.0015, 0])
    np.testing.assert_allclose(jobs.columns["arrival"], [1.25, 0])
    np.testing.assert_array_equal(jobs.left_out["not passed to a service"], [False, True])


def test_without_the_time_of_the_service_it_is_that_of_the_whole_request(read):
    record = {"StartUTC": "2026-11-29T16:19:02Z", "Duration": 2_000_000}
    jobs = read(record, record)
    np.testing.assert_allclose(jobs.columns["size"], 0.002)
    assert not jobs.left_out
