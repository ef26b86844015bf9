"""What a plan asks of the processes that train, as methods of `compare`."""

import importlib
import os
from pathlib import Path

LINK = "BEFOREHAND_TEST_LINK"  # names the file that rank 0 writes


def no_exchange(model):
    """Every worker keeps its own gradients."""
    model.register_comm_hook(None, alone)


def alone(state, bucket):
    """The bucket as it is."""
    future = importlib.import_module("torch").futures.Future()
    future.set_result(bucket.buffer())
    return future


def measured_link(model):
    """Write down how slow the link is."""
    measure = importlib.import_module("beforehand.integrations.torch").measure_link
    link = measure(model.process_group, sizes=(2**12, 2**16, 2**18, 2**21), repeats=2)
    if importlib.import_module("torch").distributed.get_rank() == 0:
        Path(os.environ[LINK]).write_text(link.to_json())
