import json

import numpy as np
import pytest

from beforehand.workloads.formats import caddy
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look

RECORD = {"level": "info", "ts": 1796055542.5, "logger": "http.log.access", "request": {"method": "GET"}, "status": 200}


@pytest.mark.parametrize("durations", [[0.5, 0.25], ["500ms", "250 ms"]])
def test_a_job_is_the_time_that_a_request_took_and_not_the_bytes_of_its_answer(tmp_path, durations):
    path = tmp_path / "access.log"
    path.write_text("".join(f"{json.dumps(RECORD | {'duration': took, 'size': 10900})}\n" for took in durations))
    assert recognized(look(str(path))) is caddy
    jobs = caddy.read(str(path), Reading())
    np.testing.assert_array_equal(jobs.columns["size"], [0.5, 0.25])
    np.testing.assert_array_equal(jobs.columns["arrival"], [0, 0.25])  # both lines were written at once
