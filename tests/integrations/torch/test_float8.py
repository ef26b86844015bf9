"""The codes of BlockFloat8 are the floats of 8 bits that torch casts to, in which other tools read them."""

import numpy as np
import pytest

from beforehand.gradients import BlockFloat8

pytestmark = pytest.mark.torch
DTYPES = {"e4m3": "float8_e4m3fn", "e5m2": "float8_e5m2"}


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("size", [1e-34, 1e-10, 1.0, 1e34])
def test_codes_are_those_of_torchs_cast(torch, name, size):
    draw = np.random.default_rng(0)
    x = (draw.choice([-1, 1], (40, 256)) * 2.0 ** draw.uniform(-30, 0, (40, 256)) * size).astype(np.float32)
    x[:, 0] = -0.0
    x[:, 1:] *= draw.random((40, 1)) < 0.9  # some blocks are zero
    rounding, total = BlockFloat8(format=name).always, np.empty(x.size, np.float32)
    message = rounding.encode(x.ravel(), 0)
    scales, codes = message[:160].view(np.float32), message[160:].reshape(40, 256)
    kind = getattr(torch, DTYPES[name])
    assert np.array_equal(scales, abs(x).max(axis=1) / np.float32(torch.finfo(kind).max))
    whole = scales > 0
    cast = torch.from_numpy(x[whole] / scales[whole, None]).to(kind)
    assert np.array_equal(codes[whole], cast.view(torch.uint8).numpy())
    rounding.add(message, total, first=True)
    assert not total.reshape(40, 256)[~whole].any()
    assert 0 < np.count_nonzero(~whole) < 40
    assert np.array_equal(total.reshape(40, 256)[whole], cast.float().numpy() * scales[whole, None])


@pytest.mark.parametrize("name", DTYPES)
def test_what_torch_saturates_or_makes_infinite_arrives_as_no_number(torch, name):
    x = np.ones(512, np.float32)
    x[7] = np.inf
    rounding, total = BlockFloat8(format=name).always, np.empty(512, np.float32)
    rounding.add(rounding.encode(x, 0), total, first=True)
    assert torch.tensor(x).to(getattr(torch, DTYPES[name])).float()[7] in (448, np.inf)
    assert np.isnan(total[:256]).all()
    assert (total[256:] == 1).all()
