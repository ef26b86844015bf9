import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import exponentials, normals, uniforms


@pytest.mark.parametrize("draw", [uniforms, normals, exponentials])
def test_a_number_depends_on_its_position_and_not_on_what_is_drawn_with_it(draw):
    together = draw(np.arange(1000), 3, 7)
    np.testing.assert_array_equal(draw(np.array([999, 4]), 3, 7), together[[999, 4]])
    assert not np.isin(draw(np.arange(1000), 4, 7), together).any()
    assert not np.isin(draw(np.arange(1000), 3, 8), together).any()


@pytest.mark.parametrize(("draw", "mean", "sd"), [(uniforms, 0.5, 12**-0.5), (normals, 0, 1), (exponentials, 1, 1)])
def test_their_moments_are_those_of_their_distribution(draw, mean, sd):
    drawn = draw(np.arange(200_000), 0, 0)
    assert np.isfinite(drawn).all()
    assert abs(drawn.mean() - mean) < 0.01
    assert abs(drawn.std() - sd) < 0.01


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, "1"])
def test_a_seed_that_is_no_whole_number_of_64_bits_is_refused(seed):
    with pytest.raises(InvalidInput, match="seed is"):
        uniforms(np.arange(3), seed, 0)
