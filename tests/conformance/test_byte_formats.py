"""What everything promises that can be written as bytes. One line adds an object."""

import pickle
from functools import cache

import numpy as np
import pytest

from beforehand import gradients, quantization
from beforehand.core.errors import CorruptData

VALUES = np.random.default_rng(0).standard_normal(300).astype(np.float32)
OBJECTS = {
    "rotated codes": cache(
        lambda: quantization.encode(VALUES, quantization.levels(VALUES, 4, method="rotation"), seed=1)
    ),
    "scaled codes": cache(lambda: quantization.encode(VALUES, quantization.levels(VALUES, 9, method="scaled"), seed=1)),
    "state of an encoder": cache(
        lambda: gradients.EncoderState(gradients.TopK(), 7, {"feedback/layer.weight": VALUES[:6].reshape(2, 3)})
    ),
    "levels": cache(lambda: quantization.levels(VALUES.reshape(-1, 100), 3, axis=0)),
    "codes": cache(lambda: quantization.encode(VALUES, quantization.levels(VALUES, 5), seed=1)),
}


@pytest.fixture(params=OBJECTS)
def thing(request):
    return OBJECTS[request.param]()


def test_bytes_give_the_same_object_again(thing):
    again = type(thing).from_bytes(thing.to_bytes())
    assert again == thing
    assert again.to_bytes() == thing.to_bytes()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_gives_the_same_object_again(thing, protocol):
    assert pickle.loads(pickle.dumps(thing, protocol)) == thing


def test_bytes_begin_with_the_magic_and_the_version(thing):
    data = thing.to_bytes()
    assert data[:3] + data[5:8] == b"\x89BH\r\n\x1a"
    assert data[3:5].isalpha()
    assert int.from_bytes(data[8:10], "little") >= 1


def test_bytes_that_end_early_or_late_are_corrupt(thing):
    data = thing.to_bytes()
    for wrong in [*(data[:size] for size in range(len(data))), data + b"\0"]:
        with pytest.raises(CorruptData):
            type(thing).from_bytes(wrong)


def test_a_flipped_bit_anywhere_is_corrupt(thing):
    data = thing.to_bytes()
    for place in range(len(data)):
        with pytest.raises(CorruptData):
            type(thing).from_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
