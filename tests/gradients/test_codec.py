import json
from dataclasses import dataclass

import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients.codec import check_open, check_transport, codec_to_json, options_from_json


@dataclass(frozen=True, kw_only=True)
class Some:
    level: int = 1
    seed: int = 0
    name = "some"
    reductions = ("sum", "gather")

    def __post_init__(self):
        if self.level < 1:
            raise InvalidInput(f"level is {self.level}")


def test_options_travel_as_json():
    codec = Some(level=3)
    assert json.loads(codec_to_json(codec)) == {"codec": "some", "level": 3, "seed": 0}
    assert options_from_json(Some, "some", codec_to_json(codec)) == codec
    assert options_from_json(Some, "some", '{"codec": "some"}') == Some()


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", CorruptData, "not JSON"),
        ("[1]", CorruptData, "does not describe a codec"),
        ('{"level": 1}', CorruptData, "does not describe a codec"),
        ('{"codec": "other"}', InvalidInput, "must be 'some'"),
        ('{"codec": "some", "levels": 1}', InvalidInput, "no option levels; its options are level, seed"),
        ('{"codec": "some", "level": 0}', InvalidInput, "level is 0"),
        ('{"codec": "some", "level": "x"}', CorruptData, "does not describe some"),
    ],
)
def test_other_json_is_refused(text, error, message):
    with pytest.raises(error, match=message):
        options_from_json(Some, "some", text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 2, "workers": 2, "reduction": "sum"}, "from 0 to 1"),
        ({"rank": -1, "workers": 2, "reduction": "sum"}, "from 0 to 1"),
        ({"rank": 0, "workers": 2, "reduction": "combine"}, "some can use sum, gather"),
    ],
)
def test_a_codec_is_opened_for_a_rank_and_a_reduction_that_it_knows(options, message):
    with pytest.raises(InvalidInput, match=message):
        check_open(Some(), **options)


def test_a_transport_must_fit():
    check_transport("some", "auto", ("allreduce",))
    for transport in ("two_shot", "pigeon"):
        with pytest.raises(InvalidInput, match="takes auto, allreduce"):
            check_transport("some", transport, ("allreduce",))
