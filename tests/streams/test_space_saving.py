import pickle
import struct

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.streams import SpaceSaving, from_bytes


def test_bounds_hold_for_every_key_and_are_n_over_capacity_apart_at_most():
    stream = np.random.default_rng(0).zipf(1.3, 20_000)
    summary = SpaceSaving(capacity=64)
    summary.update(stream)
    keys, true = np.unique(stream, return_counts=True)
    lower, upper = summary.bounds(keys)
    assert (lower <= true).all()
    assert (true <= upper).all()
    assert (upper - lower).max() <= summary.error_bound <= len(stream) // 64
    assert summary.guaranteed_error() == len(stream) / 64


def test_six_keys_in_three_counters():
    summary = SpaceSaving(capacity=3)
    summary.update("a b a c d a".split())
    assert [tuple(row) for row in summary.top(5)] == [("a", 3, 3, 3, True), ("d", 2, 1, 2, True), ("c", 1, 1, 1, True)]
    assert summary.bounds("b") == (0, 1)


def test_version_1_is_written_byte_for_byte():
    summary = SpaceSaving(capacity=3)
    blobs = [summary.to_bytes()]
    summary.update(np.array([1, 2, 1, 3, 4, 1], np.uint64))
    blobs.append(summary.to_bytes())
    assert [len(data) for data in blobs] == [168, 224]
    assert [hex(struct.unpack_from("<I", data, 16)[0]) for data in blobs] == ["0x786981dc", "0xf9e51929"]


def test_bytes_and_pickles_go_on_alike():
    summary = SpaceSaving(capacity=20, seed=3)
    words = [f"w{i}" for i in np.random.default_rng(1).zipf(1.2, 5000) % 1000]
    summary.update(words)
    read, unpickled = from_bytes(summary.to_bytes()), pickle.loads(pickle.dumps(summary))
    for each in (summary, read, unpickled):
        each.update(words[::-1])
    assert summary.to_bytes() == read.to_bytes() == unpickled.to_bytes()
    assert summary.top(5).keys == read.top(5).keys


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "both given or both left out"),
        ({"capacity": 1, "memory": 1000}, "both given or both left out"),
        ({"capacity": 0}, "capacity is 0, but must be from 1 to"),
        ({"capacity": 2**32 - 1}, "capacity is 4294967295"),
        ({"memory": 19}, "takes at least 24"),
        ({"memory": "1 parsec"}, "memory is '1 parsec'"),
        ({"capacity": 1, "policy": "magic"}, "policy is 'magic', but must be one of exact"),
        ({"capacity": 1, "key": "float"}, "key is 'float'"),
        ({"capacity": 1, "seed": -1}, "seed is -1"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        SpaceSaving(**options)


def test_bytes_that_are_no_summary_are_refused():
    data = SpaceSaving(capacity=3).to_bytes()
    for wrong in (b"", data[:40], data[:-1], data + b"\0", b"x" + data[1:]):
        with pytest.raises(CorruptData):
            from_bytes(wrong)
    with pytest.raises(InvalidInput, match="data is a str"):
        from_bytes("abc")
