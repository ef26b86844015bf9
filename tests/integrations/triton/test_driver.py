"""Rounds of tensors over a process group give the bits, and send the bytes, of rounds of arrays in one process."""

import numpy as np
import pytest

from beforehand.gradients import THC, Layout, drive_local
from tests.integrations.torch.driver_scenarios import row

pytestmark = pytest.mark.triton
SIZES = (1, 1023, 2**12 + 1)  # as in `triton_scenarios`, which needs torch
CODECS = [
    (THC(), "combine"),
    (THC(bits=3, lanes=10, granularity=100, feedback="full"), "combine"),
    (THC(bits="lane", lanes=10), "sum"),
    (THC(bits="lane", feedback="full"), "sum"),  # whose points are the lanes, and are needed once more
]


@pytest.mark.parametrize(("codec", "reduction"), CODECS, ids=str)
def test_rounds_over_a_group_have_the_bits_and_bytes_of_one_process(pair, device, codec, reduction):
    outcomes = pair.run("triton_scenarios.rounds", device.type, codec.to_json(), reduction, 2)
    sent = np.zeros(2)
    for i, size in enumerate(SIZES):
        layout = Layout([("weight", (size,))])
        encoders = [codec.open(layout, rank=rank, workers=2, reduction=reduction) for rank in range(2)]
        for step in range(2):
            expected = drive_local(encoders, [row(rank, size, step) for rank in range(2)])
            sent += expected.sent
            for found, _ in outcomes:
                assert found[i][step].tobytes() == expected.means[0].tobytes()
    assert all(np.array_equal(each, sent) for _, each in outcomes)
