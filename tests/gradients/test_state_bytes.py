import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients import THC, EncoderState, Layout, LowRank, TopK, drive_local

FIXTURE = Path(__file__).parents[1] / "fixtures" / "gradients" / "encoder_state.bhge"
STATE = EncoderState(
    THC(bits=4, granularity=30, feedback="full", seed=5),
    2**40 + 3,
    {
        "selector/layer.weight": np.array([0.75, 2], np.float32),
        "feedback/layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4) / 8,
        "feedback/Größe": np.array([-0.0], np.float32),
        "feedback/scale": np.array(1.5, np.float32),
        "feedback/none": np.zeros((0, 7), np.float32),
        "factors/layer.weight": np.full((4, 2), -2.5, np.float32),
    },
)
DATA = STATE.to_bytes()


def sealed(body):
    return body + struct.pack("<I", _native.crc32c(np.frombuffer(body, np.uint8)))


def test_bytes_of_version_1_stay_readable():
    kept = EncoderState.from_bytes(FIXTURE.read_bytes())
    assert kept == STATE
    assert kept.codec == STATE.codec
    assert kept.step == STATE.step
    assert sorted(kept.entries) == sorted(STATE.entries)
    for name, values in kept.entries.items():
        assert values.dtype == np.float32
        assert values.shape == STATE.entries[name].shape
        assert values.tobytes() == STATE.entries[name].tobytes()


def test_what_is_written_is_version_1_to_the_byte():
    assert FIXTURE.read_bytes() == DATA


def test_the_checksum_is_the_castagnoli_polynomial():
    assert _native.crc32c(np.frombuffer(b"123456789", np.uint8)) == 0xE3069283


@pytest.mark.parametrize(
    "codec", [THC(feedback="full"), THC(feedback="truncation"), TopK(density=0.1), LowRank(rank=2, start_step=1)]
)
def test_a_run_that_went_through_bytes_goes_on_with_the_same_bits(codec):
    layout = Layout([("weight", (60, 40)), ("bias", (60,))])
    rows = np.random.default_rng(0).normal(size=(8, 2, layout.size)).astype(np.float32)
    rows[4:, 1] = rows[4:, 0]  # workers agree from now on, and tables change

    def opened(rank, step=0):
        return codec.open(layout, rank=rank, workers=2, reduction=codec.reductions[0], step=step)

    straight = [opened(rank) for rank in range(2)]
    means = [drive_local(straight, list(pair)).means[0] for pair in rows]
    encoders = [opened(rank) for rank in range(2)]
    for pair, expected in zip(rows, means, strict=True):
        assert np.array_equal(drive_local(encoders, list(pair)).means[0], expected)
        saved = [EncoderState(codec, each.step, each.state()).to_bytes() for each in encoders]
        kept = [EncoderState.from_bytes(data) for data in saved]
        encoders = [opened(rank, each.step) for rank, each in enumerate(kept)]
        for encoder, each in zip(encoders, kept, strict=True):
            encoder.load(each.entries)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"weight": np.zeros(1, np.float32)}, "entry 'weight' has no place"),
        ({"feedback/": np.zeros(1, np.float32)}, "has no place"),
        ({"feedback/" + "x" * 2**16: np.zeros(1, np.float32)}, "has no place"),
        ({"feedback/x": np.zeros(1)}, "x is float64, but must be an array of float32"),
        ({"feedback/x": [0.0]}, "x is list"),
        ({"feedback/x": np.zeros((1,) * 9, np.float32)}, "at most 8 dimensions"),
        ({"feedback/x": np.array([np.inf], np.float32)}, "x holds values that are not finite"),
    ],
)
def test_what_encoders_do_not_keep_is_refused(entries, message):
    with pytest.raises(InvalidInput, match=message):
        EncoderState(TopK(), 0, entries)


def test_steps_are_64_bits():
    for step in (-1, 2**64, 1.5):
        with pytest.raises(InvalidInput, match="step is"):
            EncoderState(TopK(), step, {})
    assert EncoderState.from_bytes(EncoderState(TopK(), 2**64 - 1, {}).to_bytes()).step == 2**64 - 1


def body_of(entries, *, json=b'{"codec": "TopK"}', count=None, header=(1, 0)):
    head = STATE.to_bytes()[:8] + struct.pack("<HHI", *header, len(json)) + json
    return head + struct.pack("<QI", 3, len(entries) if count is None else count) + b"".join(entries)


def entry(name=b"x", kind=0, shape=(1,), values=(0.0,)):
    sizes = struct.pack(f"<BB{len(shape)}I", kind, len(shape), *shape)
    return struct.pack("<H", len(name)) + name + sizes + struct.pack(f"<{len(values)}f", *values)


def test_a_crafted_state_is_read_where_it_is_right():
    kept = EncoderState.from_bytes(sealed(body_of([entry(), entry(b"y", 1, (1, 2), (1, 2))])))
    assert kept.codec == TopK()
    assert kept.entries["factors/y"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (body_of([entry(kind=3)]), "kind 3"),
        (body_of([entry(shape=(1,) * 9)]), "9 dimensions"),
        (body_of([entry(), entry()]), "entry 1 repeats a name"),
        (body_of([entry(b"y"), entry(b"x")]), "before its place"),
        (body_of([entry(b"")]), "no name"),
        (body_of([entry(b"\xff")]), "not UTF-8"),
        (body_of([entry(values=(float("nan"),))]), "not finite"),
        (body_of([entry(values=(float("inf"),))]), "not finite"),
        (body_of([entry(shape=(2**32 - 1,) * 8)]), "they end within"),
        (body_of([entry(shape=(2**31, 2**31, 4))]), "they end within"),  # 0 in 64 bits
        (body_of([entry(shape=(0, 2**32 - 1, 2**32 - 1), values=())]), "an entry has shape"),
        (body_of([entry()], count=2**32 - 1), "they end within"),
        (body_of([entry()], count=0), "bytes follow the last entry"),
        (body_of([], json=b"{}"), "hold no codec"),
        (body_of([], json=b'{"codec": "TopK", "density": 7}'), "hold no codec"),
        (body_of([], json=b"\xff"), "hold no codec"),
        (body_of([], json=b'{"codec": "TopK"}' + b" " * 4096), "header is out of range"),
        (body_of([], header=(0, 0)), "header is out of range"),
        (body_of([], header=(1, 1)), "header is out of range"),
        (body_of([], header=(2, 0)), "version 2 at byte 8"),
    ],
)
def test_hostile_bytes_are_refused(body, message):
    with pytest.raises(CorruptData, match=message):
        EncoderState.from_bytes(sealed(body))


@given(st.integers(8, len(DATA) - 5), st.binary(min_size=0, max_size=12), st.integers(0, 12))
def test_any_change_with_a_checksum_that_fits_is_read_back_or_refused(place, written, removed):
    body = DATA[:-4]
    changed = sealed(body[:place] + written + body[place + removed :])
    try:
        kept = EncoderState.from_bytes(changed)
    except CorruptData:
        return
    again = EncoderState.from_bytes(kept.to_bytes())
    assert again == kept
    assert sum(values.nbytes for values in kept.entries.values()) <= len(changed)


def test_only_bytes_are_read():
    with pytest.raises(InvalidInput, match="data is a int"):
        EncoderState.from_bytes(100)
    assert EncoderState.from_bytes(memoryview(DATA)) == STATE
    with pytest.raises(CorruptData, match="begin or end otherwise"):
        EncoderState.from_bytes(b"\x89BHQC\r\n\x1a" + DATA[8:])
