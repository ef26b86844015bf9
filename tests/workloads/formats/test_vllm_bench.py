import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.formats import vllm_bench
from beforehand.workloads.reading import Reading, look
from tests.workloads.formats.samples import ARRIVAL, COUNT, SIZE, vllm_result

LISTS = ("input_lens", "output_lens", "start_times", "ttfts", "itls", "generated_texts", "errors")


@pytest.fixture
def read(tmp_path):
    def of(**changes):
        path = tmp_path / "result.json"
        path.write_text(vllm_result(**changes))
        assert vllm_bench.recognize(look(str(path)))
        return vllm_bench.read(str(path), Reading())

    return of


def test_totals_without_requests_are_refused_with_the_option(read):
    with pytest.raises(InvalidInput, match=r"holds the totals of a benchmark, but no requests; .*--save-detailed"):
        read(**dict.fromkeys(LISTS, "absent"))
    with pytest.raises(InvalidInput, match="no requests"):  # which newer versions write all the same
        read(**dict.fromkeys(LISTS, "absent"), latencies=[0.5] * COUNT, queue_times=[0.0] * COUNT)


def test_a_request_that_the_client_held_back_came_before_it_was_sent(read):
    held = np.linspace(0, 3, COUNT)
    jobs = read(start_times=(5 + ARRIVAL + held).tolist(), queue_times=held.tolist(), max_concurrency=4)
    np.testing.assert_allclose(jobs.columns["arrival"], ARRIVAL, atol=1e-9)


def test_versions_that_write_no_times_give_sizes_only(read):
    jobs = read(start_times="absent")
    assert "arrival" not in jobs.columns
    np.testing.assert_array_equal(jobs.columns["size"], SIZE)


def test_a_result_larger_than_its_beginning_is_read_whole(read):
    jobs = read(generated_texts=["word " * 2000] * COUNT)
    np.testing.assert_array_equal(jobs.columns["size"], SIZE)
    np.testing.assert_allclose(jobs.columns["arrival"], ARRIVAL)
