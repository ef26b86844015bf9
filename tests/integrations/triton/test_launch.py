"""Every kernel gives the bits of the native one."""

import importlib

import numpy as np
import pytest

from beforehand import _native
from beforehand.gradients import split_power_of_two, thc_table
from beforehand.gradients.lanes import LANES
from beforehand.gradients.thc_table import identity_table

pytestmark = pytest.mark.triton
STREAM = (2**24 - 1) << 32 | (2**32 - 5)  # the last bucket, piece and step but few
SEEDS = (0, 1, 3_000_000_000, 2**63 + 5)


@pytest.fixture(scope="module")
def launch(device):
    """The module, which asks where kernels run when it is imported."""
    return importlib.import_module("beforehand.integrations.triton.launch")


@pytest.fixture(scope="module")
def on_device(torch, device):
    """Copies an array."""
    return lambda array: torch.tensor(array, device=device)


def hard(size):
    """Coordinates in and out of the range, with subnormal numbers, zeros of both signs, and what is no number."""
    h = (2 * np.random.default_rng(0).standard_normal(size)).astype(np.float32)
    h[:8] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, -1e-42, 1e30]
    return h


@pytest.mark.parametrize("size", [1, 1023, 1024, 85_002, 2**16 + 5000])
def test_squares_are_added_in_the_order_of_the_host(launch, on_device, size):
    pieces = split_power_of_two(size)
    x = np.zeros(sum(piece.length for piece in pieces), np.float32)
    draw = np.random.default_rng(size)
    x[:size] = draw.lognormal(sigma=3, size=size) * draw.choice([-1, 1], size)
    expected = [_native.sum_of_squares(x[start : start + length]) for start, length in pieces]
    assert launch.squares(on_device(x), pieces) == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("log", [10, 12, 13, 17])
@pytest.mark.parametrize("signs", ["before", "after"])
def test_rotations_have_the_bits_of_the_host(launch, on_device, log, signs, seed):
    x = np.random.default_rng(log).standard_normal(1 << log).astype(np.float32)
    x[::97] = 1e-42
    rotated = on_device(x)
    launch.hadamard(rotated, seed=seed, stream=STREAM, signs=signs)
    _native.hadamard_stages(x, seed=seed, stream=STREAM, signs=signs, threads=1)
    assert rotated.cpu().numpy().tobytes() == x.tobytes()


def test_a_transform_of_two_passes_between_runs_has_the_bits_of_the_host(launch, on_device, monkeypatch):
    monkeypatch.setattr(
        launch, "STAGES", 2
    )  # as 2^23 values need by themselves, which the interpreter takes minutes for
    x = np.random.default_rng(0).standard_normal(2**15).astype(np.float32)
    rotated = on_device(x)
    launch.hadamard(rotated, seed=1, stream=7, signs="after")
    _native.hadamard_stages(x, seed=1, stream=7, signs="after", threads=1)
    assert rotated.cpu().numpy().tobytes() == x.tobytes()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("granularity", [None, 63, 1023])
def test_codes_points_and_their_sums_are_those_of_the_host(launch, on_device, bits, granularity, seed):
    table = thc_table(bits, granularity or 2**bits - 1, 1 / 32)
    h, scale = hard(512 * 19), table.granularity / (2 * table.half_range)
    values, points = np.array(table.values, np.uint16), launch.on_device(table, on_device(h).device)
    for code_bits, kind in ((bits, np.uint8), (0, np.uint8 if table.granularity < 256 else np.int16)):
        expected = np.zeros(len(h) * code_bits // 8 if code_bits else len(h), kind)
        given = {"seed": seed, "stream": STREAM, "threads": 1}
        if code_bits:
            count = _native.thc_encode(h, scale, values, bits=bits, out=expected, **given)
        else:
            count = _native.thc_points(h, scale, values, out=expected.view(f"u{expected.itemsize}"), **given)
        found, outside = on_device(np.zeros_like(expected)), on_device(np.zeros(1, np.int32))
        launch.round_groups(
            on_device(h), scale, points, bits=code_bits, seed=seed, stream=STREAM, out=found, outside=outside
        )
        assert np.array_equal(found.cpu().numpy(), expected)
        assert outside.item() == count > 100
        if code_bits:
            messages = np.stack([expected, expected[::-1], np.roll(expected, 100)])
            sums = np.empty(len(h), np.uint16)
            for i, message in enumerate(messages):
                _native.thc_accumulate(np.ascontiguousarray(message), values, bits=bits, first=i == 0, sums=sums)
            assert np.array_equal(launch.add_points(on_device(messages), points, bits=bits).cpu().numpy(), sums)


@pytest.mark.parametrize("granularity", [3, 255, 1023])
def test_points_of_filled_lanes_are_those_of_the_host(launch, on_device, granularity):
    table = identity_table(granularity, 2**-9)
    h, scale = hard(512 * 3), granularity / (2 * table.half_range)
    expected = np.zeros(len(h), np.uint8 if granularity < 256 else np.uint16)
    values = np.array(table.values, np.uint16)
    _native.thc_points(h, scale, values, seed=5, stream=STREAM, threads=1, out=expected)
    found = on_device(np.zeros(len(h), np.uint8 if granularity < 256 else np.int16))
    points, outside = launch.on_device(table, found.device), on_device(np.zeros(1, np.int32))
    launch.round_groups(on_device(h), scale, points, bits=0, seed=5, stream=STREAM, out=found, outside=outside)
    assert np.array_equal(found.cpu().numpy(), expected)


@pytest.mark.parametrize("width", LANES)
@pytest.mark.parametrize("size", [1, 511, 5000])
def test_lanes_and_what_they_decode_to_are_those_of_the_host(launch, on_device, width, size):
    lanes = LANES[width]
    values = np.random.default_rng(width).integers(0, 2**width, size).astype(np.uint8 if width <= 8 else np.uint16)
    values[0] = 2**width - 1
    packed = launch.pack_lanes(on_device(values.astype(np.int32)), lanes)
    assert packed.cpu().numpy().tobytes() == lanes.pack(values).tobytes()
    first = size // 3
    expected = np.empty(size - first, np.float32)
    _native.decode_lanes(values[first:], 0.1, 3.3, expected)
    found = on_device(np.empty_like(expected))
    launch.decode_lanes(packed, lanes, first, 0.1, 3.3, found)
    assert found.cpu().numpy().tobytes() == expected.tobytes()
