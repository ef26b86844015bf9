"""`load` and `FILTERS`; what all filters do is in test_conformance.py."""

import mmap

import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CorruptData
from beforehand.ranges import FILTERS, LocalityHash, load

KEYS = np.arange(100, dtype=np.uint64) << np.uint64(50)


def test_the_names_are_those_of_the_classes():
    assert {name.replace("-", "") for name in FILTERS} == {found.__name__.lower() for found in FILTERS.values()}


def test_a_mapping_of_a_file_is_a_buffer(tmp_path):
    made = LocalityHash.build(KEYS)
    path = tmp_path / "filter"
    path.write_bytes(made.to_bytes())
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert load(mapped) == made


def test_what_is_read_without_a_copy_lives_on_when_its_name_is_gone():
    data = bytearray(LocalityHash.build(KEYS).to_bytes())
    made = load(data, copy=False)
    with pytest.raises(BufferError):
        data.append(0)
    del data
    assert made.may_contain(KEYS).all()


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


def test_a_policy_is_no_filter():
    data = bytearray(LocalityHash.build(KEYS).to_bytes())
    data[10] = 0
    with pytest.raises(CorruptData, match="policy"):
        load(data)


def test_native_filters_check_what_they_are_handed():
    native = _native.LocalityHash
    from_bytes = native.from_bytes(np.frombuffer(LocalityHash.build(KEYS).to_bytes(), np.uint8), True)
    empty = np.empty(0, np.uint64)
    with pytest.raises(ValueError, match="kind"):
        from_bytes.may_intersect(
            np.zeros(1, np.uint64),
            np.empty(0, np.uint8),
            np.zeros(1, np.uint64),
            np.empty(0, np.uint8),
            np.empty(0, np.bool_),
        )
    with pytest.raises(ValueError, match="two ends"):
        from_bytes.may_intersect(KEYS, empty)
    with pytest.raises(ValueError, match="ascend"):
        native.build(KEYS[::-1].copy(), (0, 0, 0, 3, 64, None), 2000, 0, 0, 0)
