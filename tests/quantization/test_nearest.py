import numpy as np
import pytest

from beforehand.quantization import decode, encode, levels
from tests.quantization.rounding_model import nearest


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_a_unit_apart_go_to_the_nearest_level(dtype):
    unit = np.finfo(dtype).eps
    x = (1 + unit * np.arange(4)).astype(dtype)
    found = levels(x, 2, objective="mse")
    off = np.abs(x[:, None].astype(np.longdouble) - found.values.astype(np.longdouble))
    assert (encode(x, found).indices() == off.argmin(axis=1)).all()
    assert found.squared_error == (off.min(axis=1) ** 2).sum() == 2 * unit**2


def test_a_week_of_seconds_goes_to_the_nearest_of_thousands_of_levels():
    seconds = 1.7e9 + np.random.default_rng(4).uniform(0, 7 * 86400, 20_000)
    x = seconds.astype(np.float32)
    found = levels(x, 3000, method="exact", objective="mse")
    wide, table = x.astype(np.float64), found.values.astype(np.float64)
    least = np.abs(wide[:, None] - table).min(axis=1)
    back = decode(encode(x, found)).astype(np.float64)
    assert (np.abs(back - wide) == least).all()
    assert found.squared_error == pytest.approx((least**2).sum(), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_is_nearest_wherever_levels_are(dtype):
    random = np.random.default_rng(5)
    for _ in range(200):
        start = dtype(10.0 ** random.uniform(-30, 30) * random.choice([-1, 1]))
        steps = np.cumsum(random.integers(1, 6, 12))
        table = np.unique((start + steps * np.spacing(np.abs(start))).astype(dtype))
        x = np.unique(np.concatenate([table, *(np.nextafter(table[:-1], dtype(sign)) for sign in (np.inf, -np.inf))]))
        x = np.clip(x, table[0], table[-1])
        given = levels(table, len(table), objective="mse")
        assert (encode(x, given).indices() == nearest(x, table)).all()
