import numpy as np
import pytest

from beforehand.workloads.formats import burst_gpt
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look


@pytest.mark.parametrize("further", ["", "Session ID,Elapsed time,"])
def test_both_versions_are_read_and_requests_without_an_answer_failed(tmp_path, further):
    path = tmp_path / "trace.csv"
    cells = "a-b,43," if further else ""
    rows = [f"{at},{cells}GPT-4,472,{size},{472 + size},API log\n" for at, size in ((45.0, 18), (5.5, 0), (118.0, 230))]
    path.write_text(f"Timestamp,{further}Model,Request tokens,Response tokens,Total tokens,Log Type\n{''.join(rows)}")
    assert recognized(look(str(path))) is burst_gpt
    jobs = burst_gpt.read(str(path), Reading())
    np.testing.assert_array_equal(jobs.columns["arrival"], [39.5, 0, 112.5])
    np.testing.assert_array_equal(jobs.columns["size"], [18, 0, 230])
    np.testing.assert_array_equal(jobs.columns["prompt_tokens"], 472)
    np.testing.assert_array_equal(jobs.left_out["failed"], [False, True, False])
