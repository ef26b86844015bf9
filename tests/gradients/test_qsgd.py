import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import QSGD, vnmse
from tests.gradients.rounds import layout_of, lognormal, one_round


def test_it_is_unbiased():
    rows, seeds = lognormal(2, 64), 2000
    found = np.array([one_round(QSGD(bucket=32, seed=seed), rows)[0] for seed in range(seeds)])
    sigma = found.std(axis=0) / seeds**0.5
    assert (abs(found.mean(axis=0) - rows.mean(axis=0)) <= 4 * sigma + 1e-6).all()


def test_values_are_multiples_of_a_share_of_the_norm():
    row = lognormal(1, 512)
    mean, _ = one_round(QSGD(), row)
    step = np.linalg.norm(row[0].astype(np.float64)) / 7
    assert np.allclose(mean / step, np.rint(mean / step), atol=1e-5)
    assert (abs(mean - row[0]) <= 1.0001 * step).all()


def test_the_error_is_the_published_order_of_magnitude():
    mean, _ = one_round(QSGD(), lognormal(4, 2**16))
    assert vnmse(mean, lognormal(4, 2**16).mean(axis=0)) == pytest.approx(1.17, rel=0.15)


def test_codes_go_up_and_float32_comes_back():
    sent = QSGD().wire_bytes(layout_of(2**20), workers=4)
    assert sent == (3 / 4 * 2**20 * (1 / 2 + 4 / 512), 3 / 4 * 2**20 * 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 3}, "bits is 3"),
        ({"bucket": 500}, "bucket is 500"),
        ({"norm": "l1"}, "norm is 'l1'"),
        ({"seed": 2**64}, "seed is"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        QSGD(**options)
