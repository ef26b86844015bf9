"""`s`, as the number of levels was called, works for one release and says what it is called now."""

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Codec, Histogram, encode, levels, theory

X = np.random.default_rng(0).standard_normal(100)


def histogram():
    seen = Histogram.like(X)
    seen.update(X)
    return seen


@pytest.mark.parametrize(
    "call",
    [
        lambda **n: levels(X, **n).values.tolist(),
        lambda **n: histogram().levels(**n).values.tolist(),
        lambda **n: Codec(method="exact", **n),
        lambda **n: theory.lloyd_max_normal(**n).tolist(),
        lambda **n: theory.rotation_vnmse(**n),
        lambda **n: theory.uniform_vnmse_bound(X, **n),
        lambda **n: theory.high_rate_vnmse(12.0, **n),
        lambda **n: theory.equivalent_levels([0.01], curve=lambda size: [1 / size**2], **n).tolist(),
    ],
    ids=["levels", "histogram", "codec", "lloyd_max", "rotation_vnmse", "uniform_bound", "high_rate", "equivalent"],
)
def test_the_old_argument_means_the_new_one(call):
    with pytest.warns(FutureWarning, match="s= is now called n_levels="):
        old = call(s=4)
    assert old == call(n_levels=4)
    with pytest.raises(InvalidInput, match="s and n_levels are both given"):
        call(s=4, n_levels=4)


@pytest.mark.parametrize(
    "make",
    [lambda: levels(X, 4), lambda: encode(X, levels(X, 4), seed=1), lambda: Codec(method="exact", n_levels=4)],
    ids=["levels", "codes", "codec"],
)
def test_the_old_attribute_is_the_new_one(make):
    thing = make()
    with pytest.warns(FutureWarning, match=rf"{type(thing).__name__}\.s is now called .*\.n_levels"):
        assert thing.s == thing.n_levels == 4


def test_a_codec_that_was_written_with_the_old_name_is_read_without_a_word():
    codec = Codec(method="exact", n_levels=4)
    choices = codec.to_dict()
    choices["s"] = choices.pop("n_levels")
    assert Codec.from_dict(choices) == codec
