"""Settings of vLLM that its first import reads; where vLLM is missing, its tests are not collected."""

import os
import warnings
from importlib import import_module
from importlib.util import find_spec

import pytest

SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
OTHERS = ("torch", "vllm", "transformers", "numba", "importlib")  # whose warnings are not about what is tested
collect_ignore_glob = []

if find_spec("vllm"):
    os.environ.update(SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("vllm.v1.core.sched.scheduler")
else:
    collect_ignore_glob.append("test_*.py")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("vllm"):
            for module in OTHERS:
                item.add_marker(pytest.mark.filterwarnings(rf"ignore:::{module}.*"))


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The folder of a tiny model without weights."""
    engines = import_module("tests.integrations.vllm.engines")
    return engines.make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def llm(model):
    """An engine for all tests of this process; each gives it a scheduler of its own with `new_scheduler`."""
    engines = import_module("tests.integrations.vllm.engines")
    made = engines.make_engine(model)
    yield made
    engines.close(made)
