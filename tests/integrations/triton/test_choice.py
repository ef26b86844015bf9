"""The hook of DDP takes the kernels where they run, and its gradients and checkpoints are those of the host."""

from types import SimpleNamespace

import numpy as np
import pytest

from beforehand.gradients import THC, BlockInt
from beforehand.integrations.triton.choice import runs_on

pytestmark = pytest.mark.triton


def test_thc_runs_on_cuda_and_all_else_on_the_host():
    cuda, cpu = SimpleNamespace(type="cuda"), SimpleNamespace(type="cpu")
    assert runs_on(cuda, THC(bits="lane"))
    assert not runs_on(cpu, THC())
    assert not runs_on(cuda, BlockInt())


@pytest.mark.parametrize(
    ("codec", "transport"), [(THC(feedback="full"), "two_shot"), (THC(bits="lane", lanes=10), "allreduce")], ids=str
)
def test_the_hook_leaves_the_gradients_and_the_state_of_the_host(pair, device, codec, transport):
    scenario = "triton_scenarios.told"
    for host, found in zip(
        *(pair.run(scenario, kind, codec.to_json(), transport) for kind in ("host", device.type)), strict=True
    ):
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(host[0], found[0], strict=True))
        kept, other = host[1].pop("kept"), found[1].pop("kept")
        assert host[1] == found[1]
        assert kept.keys() == other.keys() != set()
        assert all(np.array_equal(kept[name], other[name]) for name in kept)
        for name in ("steps", "sent", "at_limit", "rho", "truncation", "vnmse", "fallbacks"):
            assert getattr(host[2], name) == getattr(found[2], name), name
        assert found[2].fallbacks == {"nonfinite": 1}


def test_deltas_of_outer_loops_are_averaged_to_the_bits_of_the_host(pair, device):
    text = THC(feedback="full").to_json()
    hosts, devices = (pair.run("triton_scenarios.averaged", kind, text) for kind in ("host", device.type))
    for (means, kept), (found, other) in zip(hosts, devices, strict=True):
        assert all(np.array_equal(one, two) for one, two in zip(means, found, strict=True))
        assert kept.keys() == other.keys() != set()
        assert all(np.array_equal(kept[name], other[name]) for name in kept)
