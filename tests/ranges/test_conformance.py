"""What every range filter promises, over every type of keys."""

import pickle

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.ranges import FILTERS, RangeFilter, load
from tests.ranges.filters import CASES, NUMBERS, build, distinct, draw, step

SMALL = [
    ("none", lambda kind: draw(kind, 10)[:0]),
    ("one", lambda kind: draw(kind, 10)[:1]),
    ("two that are equal", lambda kind: draw(kind, 10)[[0, 0]] if kind in NUMBERS else draw(kind, 10)[:1] * 2),
    ("two", lambda kind: draw(kind, 10)[:2]),
    ("a hundred times one", lambda kind: draw(kind, 10)[[3] * 100] if kind in NUMBERS else draw(kind, 10)[3:4] * 100),
    ("seven", lambda kind: draw(kind, 10)[:7]),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def case(request):
    name, kind = request.param
    keys = draw(kind, 600)
    return name, kind, keys, build(name, keys, kind)


def ordered(keys):
    return sorted(set(keys)) if isinstance(keys, list) else np.unique(keys)


def test_a_filter_has_what_the_protocol_names(case):
    name, kind, keys, made = case
    assert isinstance(made, RangeFilter)
    assert isinstance(made, FILTERS[name])
    assert str(made.key_type) == kind
    assert made.count == distinct(keys)
    assert made.bits_per_key == 8 * made.nbytes / made.count
    assert made.nbytes >= len(made.to_bytes())


def test_no_key_is_ever_denied(case):
    _, _, keys, made = case
    assert made.may_contain(keys).all()
    assert made.may_intersect(keys, keys).all()


def test_no_range_around_a_key_is_ever_denied(case):
    _, kind, keys, made = case
    if kind in NUMBERS:
        for before in (0, 1, 2, 7, 100):
            for after in (0, 1, 3, 50):
                lo, hi = step(kind, keys, -before), step(kind, keys, after)
                assert made.may_intersect(lo, hi).all()
                up = step(kind, keys, after + 1)
                assert made.may_intersect(lo, up, closed="left")[keys < up].all()
    else:
        tails = [b"", b"\0", b"\1", b"\xff", b"\0\0\0", b"\xff\xff"]
        tails = tails if kind == "bytes" else [tail.decode("latin1") for tail in tails]
        longer = [key + tail for key in keys for tail in tails]
        same = [key for key in keys for _ in tails]
        assert made.may_intersect(same, longer).all()
        wider = [hi > key for key, hi in zip(same, longer, strict=True)]
        assert made.may_intersect(same, longer, closed="left")[wider].all()
        shorter = [key[:-1] for key in keys]
        assert made.may_intersect(shorter, keys).all()


def test_the_range_between_any_two_keys_is_not_denied(case):
    _, _, keys, made = case
    every = ordered(keys)
    assert made.may_intersect(every[:-1], every[1:]).all()
    assert made.may_intersect(every[:-1], every[1:], closed="left").all()
    assert made.may_intersect(every[0], every[-1]) is True


def test_a_range_that_is_open_at_the_right_may_leave_out_the_key_there(case):
    _, _, keys, made = case
    key = ordered(keys)[1]
    assert made.may_intersect(key, key, closed="left") is False
    assert made.may_intersect(key, key) is True


def test_a_batch_answers_as_its_rows_one_by_one(case):
    _, kind, keys, made = case
    lo, hi = (keys, keys) if kind not in NUMBERS else (step(kind, keys, 1), step(kind, keys, 9))
    every = made.may_intersect(lo, hi)
    assert every.dtype == np.bool_
    assert every.tolist() == [made.may_intersect(low, high) for low, high in zip(lo, hi, strict=True)]
    points = made.may_contain(lo)
    assert points.tolist() == [made.may_contain(low) for low in lo]
    assert all(type(made.may_contain(key)) is bool for key in keys[:3])


def test_bounds_are_broadcast(case):
    _, _, keys, made = case
    every = ordered(keys)
    found = made.may_intersect(every[0], every[1:])
    assert found.shape == (len(every) - 1,)
    assert found.all()
    if not isinstance(keys, list):
        assert made.may_intersect(every[:2, None], every[2:5]).shape == (2, 3)
    assert made.may_contain(every[:0]).shape == (0,)


def test_bounds_out_of_order_are_refused_with_their_index(case):
    _, _, keys, made = case
    low, high = ordered(keys)[[2, 5]] if not isinstance(keys, list) else ordered(keys)[2:6:3]
    with pytest.raises(InvalidInput, match=r"lo\[1\] is .*, above hi\[1\]"):
        made.may_intersect([low, high] if isinstance(keys, list) else np.array([low, high]), low)


def test_bytes_bring_back_the_same_filter(case):
    name, _, keys, made = case
    data = made.to_bytes()
    for again in (load(data), FILTERS[name].from_bytes(bytearray(data)), FILTERS[name].from_bytes(data, copy=False)):
        assert type(again) is FILTERS[name]
        assert again == made
        assert hash(again) == hash(made)
        assert again.to_bytes() == data
        assert (again.count, again.nbytes, again.key_type) == (made.count, made.nbytes, made.key_type)
        assert again.expected_false_positive_rate == made.expected_false_positive_rate
        assert repr(again) == repr(made)
        assert again.bound(3) == made.bound(3)
        assert again.may_contain(keys).all()


def test_a_filter_may_lie_at_any_address(case):
    name, _, keys, made = case
    data = made.to_bytes()
    for shift in (1, 3):
        room = np.zeros(len(data) + shift, np.uint8)
        room[shift:] = np.frombuffer(data, np.uint8)
        again = FILTERS[name].from_bytes(room[shift:], copy=False)
        assert again.may_contain(keys).all()
        assert again == made


def test_pickle_brings_back_the_same_filter(case):
    *_, made = case
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(made, protocol)) == made


def test_a_file_brings_back_the_same_filter(case, tmp_path):
    *_, made = case
    path = tmp_path / "filter"
    path.write_bytes(made.to_bytes())
    assert load(path) == made
    assert load(str(path), copy=False) == made


def test_the_same_build_gives_the_same_bytes_and_another_seed_others(case):
    name, kind, keys, made = case
    assert build(name, keys, kind) == made
    other = build(name, keys, kind, seed=1)
    assert other.to_bytes() != made.to_bytes()
    assert other.may_contain(keys).all()


def test_keys_may_come_in_any_order(case):
    name, kind, keys, _ = case
    turned = keys[::-1]
    if isinstance(keys, list):
        assert FILTERS[name] is not FILTERS["surf"] or build(name, turned, kind).may_contain(keys).all()
    else:
        turned.flags.writeable = False
        assert build(name, turned, kind).may_contain(keys).all()
        assert build(name, keys[::3], kind).may_contain(keys[::3]).all()


def test_damaged_bytes_are_refused(case):
    name, _, _, made = case
    data = made.to_bytes()
    for size in [*range(0, 200, 7), len(data) - 1]:
        with pytest.raises(CorruptData):
            load(data[:size])
    for at in [*range(0, 64), *range(64, len(data), max(1, len(data) // 150))]:
        with pytest.raises(CorruptData):
            load(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
    with pytest.raises(CorruptData):
        load(data + b"\0")
    for other in set(FILTERS.values()) - {FILTERS[name]}:
        with pytest.raises(CorruptData):
            other.from_bytes(data)


@pytest.mark.parametrize("few", SMALL, ids=lambda few: few[0])
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_few_keys_are_enough(name, kind, few):
    keys = few[1](kind)
    if len(keys) == 0:
        keys = np.array([], "S1" if kind == "bytes" else "U1") if kind not in NUMBERS else keys
    made = build(name, keys, kind)
    assert made.may_contain(keys).all()
    assert load(made.to_bytes()) == made
    if len(keys) == 0:
        every = draw(kind, 50)
        assert made.count == 0
        assert not made.may_contain(every).any()
        assert made.bits_per_key == float("inf")
        span = ordered(every)
        assert made.may_intersect(span[0], span[-1]) is False


@pytest.mark.parametrize(("name", "kind"), [case for case in CASES if case[1] in NUMBERS])
def test_the_ends_of_the_domain_are_keys_as_others(name, kind):
    keys = ordered(draw(kind, 40))[[0, -1]]
    made = build(name, keys, kind)
    assert made.may_contain(keys).all()
    assert made.may_intersect(keys[0], keys[-1]) is True
    assert made.may_intersect(keys[0], keys[-1], closed="left") is True


@pytest.mark.parametrize("name", FILTERS)
def test_big_endian_and_strided_arrays_are_read_as_they_mean(name):
    keys = draw("int64", 300)
    made = build(name, keys, "int64")
    assert (
        FILTERS[name]
        .build(keys.astype(">i8"), **({} if name != "two-prefix-bloom" else {"queries": None}))
        .may_contain(keys)
        .all()
    )
    wide = np.repeat(keys, 2).reshape(-1, 2)
    assert made.may_contain(wide[:, 1]).all()
    assert made.may_contain(keys.astype(">i8")).all()


@pytest.mark.parametrize("name", FILTERS)
def test_integers_beyond_64_bits_are_clamped(name):
    made = build(name, draw("uint64", 300), "uint64")
    assert made.may_intersect(-5, 2**70) is True
    assert made.may_intersect(-5, 0) is True
    assert made.may_intersect(-5, -1) is False
    assert made.may_intersect(2**64, 2**70) is False
    assert made.may_intersect([-5, 2**64], [2**70, 2**70]).tolist() == [True, False]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("data", [b"", b"x", bytes(64), "nothing.here"])
def test_what_is_no_filter_is_refused(name, data, tmp_path):
    if isinstance(data, str):
        (tmp_path / data).write_bytes(b"")
        data = tmp_path / data
    with pytest.raises(CorruptData):
        load(data) if not isinstance(data, bytes) else FILTERS[name].from_bytes(data)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("data", [5, None, np.zeros((4, 4), np.uint8)[:, 1]])
def test_what_is_no_buffer_is_refused(name, data):
    with pytest.raises(InvalidInput):
        FILTERS[name].from_bytes(data)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True])
def test_a_seed_is_an_integer_of_64_bits(name, seed):
    with pytest.raises(InvalidInput, match="seed"):
        build(name, draw("int64", 20), "int64", seed=seed)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("length", [0, -1, 2**64, 1.5, True])
def test_a_bound_has_a_length(name, length):
    made = build(name, draw("int64", 20), "int64")
    with pytest.raises(InvalidInput):
        made.bound(length)


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "surf"])
@pytest.mark.parametrize("bits", [0.5, 1025, float("nan"), float("inf"), "12", True])
def test_bits_per_key_are_from_1_to_1024(name, bits):
    with pytest.raises(InvalidInput, match="bits_per_key"):
        build(name, draw("int64", 20), "int64", bits_per_key=bits)


BOUNDS = {
    "integers": (1, 2**70),
    "floats": (1.5, 2),
    "text": ("a", "b"),
    "bytes": (b"a", b"b"),
    "times": (np.datetime64(1, "s"), np.datetime64(2, "s")),
    "durations": (np.timedelta64(1, "s"), np.timedelta64(2, "s")),
}


@pytest.mark.parametrize("kind", BOUNDS)
@pytest.mark.parametrize("name", FILTERS)
def test_without_keys_every_range_of_any_kind_is_empty(name, kind):
    lo, hi = BOUNDS[kind]
    made = FILTERS[name].build([], **({"queries": None} if name == "two-prefix-bloom" else {}))
    for filter in (made, load(made.to_bytes())):
        assert filter.may_intersect(lo, hi) is False
        assert filter.may_intersect(lo, hi, closed="left") is False
        assert filter.may_contain(lo) is False
        assert filter.may_contain([lo, hi]).tolist() == [False, False]
        assert filter.may_intersect([lo, lo], hi).tolist() == [False, False]


@pytest.mark.parametrize("kind", BOUNDS)
@pytest.mark.parametrize("name", ["proteus", "prefix-bloom", "two-prefix-bloom", "rosetta"])
def test_without_keys_a_sample_may_be_of_any_kind(name, kind):
    lo, hi = BOUNDS[kind]
    assert FILTERS[name].build([], ([lo] * 60, [hi] * 60)).may_intersect(lo, hi) is False


def test_without_keys_a_range_must_still_be_one():
    made = FILTERS["proteus"].build([])
    with pytest.raises(InvalidInput, match="lo is b, above hi, which is a"):
        made.may_intersect("b", "a")
    with pytest.raises(InvalidInput, match="hi is 2, but the keys are str"):
        made.may_intersect("a", 2)
    with pytest.raises(InvalidInput, match="lo is True"):
        made.may_intersect(True, 2)
    with pytest.raises(InvalidInput, match="lo is 'a', but the keys are uint64"):
        FILTERS["proteus"].build(np.empty(0, np.uint64)).may_intersect("a", "b")
