import pytest

from beforehand import gradients
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients import THC, Adaptive, BlockInt, Cast, Layout, TernGrad, codec_from_json
from beforehand.gradients.codecs import CODECS, REDUCTIONS, check_codec, chosen_transport, described, transports_of

LAYOUT = Layout([("weight", (100, 100))])
EVERY = [*(kind() for kind in CODECS.values()), THC(bits="lane"), THC(bits=2, feedback="full")]


def test_every_exported_codec_is_known_by_its_name():
    exported = {getattr(gradients, name) for name in gradients.__all__}
    assert set(CODECS.values()) == {
        each for each in exported if hasattr(each, "reductions") and each.__module__ != "beforehand.gradients.codec"
    }
    assert all(kind.name == name for name, kind in CODECS.items())


@pytest.mark.parametrize("codec", EVERY, ids=repr)
def test_any_codec_comes_back_from_json(codec):
    assert codec_from_json(codec.to_json()) == codec


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("THC", CorruptData, r"'THC' does not describe a codec; pass what to_json\(\) returned, such as \{"),
        ("[1]", CorruptData, "does not describe a codec"),
        ('{"bits": 4}', CorruptData, "does not describe a codec"),
        ("[" * 100_000, CorruptData, "does not describe a codec"),
        ('{"codec": "thc"}', InvalidInput, "codec is 'thc', but must be one of Cast, THC, "),
        ('{"codec": ["THC"]}', InvalidInput, r"codec is \['THC'\], but must be one of"),
        ('{"codec": "THC", "bits": 5}', InvalidInput, "bits is 5"),
        ('{"codec": "THC", "level": 5}', InvalidInput, "THC has no option level"),
    ],
)
def test_other_json_is_refused(text, error, message):
    with pytest.raises(error, match=message):
        codec_from_json(text)


def test_a_name_tells_what_is_not_the_default():
    given = [THC(), THC(bits="lane", lanes=10), BlockInt(bits=4, block=32), Cast("bfloat16")]
    assert list(map(described, given)) == [
        "THC",
        "THC(bits='lane', lanes=10)",
        "BlockInt(bits=4, block=32)",
        "bfloat16",
    ]


@pytest.mark.parametrize("given", ["name", '{"codec": "THC"}', THC, None])
def test_what_is_no_codec_is_told_from_one(given):
    check_codec(THC())
    with pytest.raises(InvalidInput, match=r"codec is .*, but must be a codec with its options, such as THC\(bits=4\)"):
        check_codec(given)


@pytest.mark.parametrize("codec", EVERY, ids=repr)
def test_transports_are_those_whose_bytes_the_codec_knows(codec):
    def known(transport):
        try:
            return codec.wire_bytes(LAYOUT, workers=4, transport=transport).total > 0
        except InvalidInput:
            return False

    assert set(transports_of(codec)) == {transport for transport in REDUCTIONS if known(transport)}
    chosen = chosen_transport(codec)
    assert codec.wire_bytes(LAYOUT, workers=4) == codec.wire_bytes(LAYOUT, workers=4, transport=chosen)
    assert REDUCTIONS[chosen] == codec.reductions[0]


def test_a_transport_that_cannot_carry_a_codec_is_refused():
    assert chosen_transport(TernGrad(), "aggregator") == "aggregator"
    assert chosen_transport(Adaptive(), "gather") == "gather"
    with pytest.raises(InvalidInput, match="transport is 'gather', but Cast takes auto, allreduce"):
        chosen_transport(Cast(), "gather")
    with pytest.raises(InvalidInput, match="transport is 'ring', but THC takes auto, two_shot, aggregator, allreduce"):
        chosen_transport(THC(), "ring")
    with pytest.raises(InvalidInput, match="BlockInt sends no codes of integers, but a switch or an aggregator"):
        chosen_transport(BlockInt(), "aggregator")
