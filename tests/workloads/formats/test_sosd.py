import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats import sosd

KEYS = np.array([0, 5, 5, 9, 2**32 - 1], np.uint64)


def written(path, keys, width, count=None):
    path.write_bytes(np.uint64(len(keys) if count is None else count).tobytes() + keys.astype(f"<u{width}").tobytes())
    return path


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("name", ["made_200M_uint", "made.bin"])
def test_keys_come_sorted_each_once_whatever_their_width(tmp_path, width, name):
    path = written(tmp_path / (f"{name}{8 * width}" if name.endswith("uint") else name), KEYS, width)
    found = sosd.read(path)
    assert found.dtype == np.uint64
    assert found.tolist() == [0, 5, 9, 2**32 - 1]


def test_all_of_64_bits_are_keys(tmp_path):
    keys = np.array([1, 2**64 - 1], np.uint64)
    assert sosd.read(written(tmp_path / "osm_uint64", keys, 8)).tolist() == keys.tolist()


def test_a_limit_takes_keys_from_everywhere(tmp_path):
    path = written(tmp_path / "x_uint64", np.arange(1000, dtype=np.uint64), 8)
    assert sosd.read(path, limit=5).tolist() == [0, 249, 499, 749, 999]
    assert len(sosd.read(path, limit=5000)) == 1000


def test_a_file_of_no_keys_is_empty(tmp_path):
    assert len(sosd.read(written(tmp_path / "none_uint32", KEYS[:0], 4))) == 0


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_a_limit_that_is_no_count_is_refused(tmp_path, limit):
    with pytest.raises(InvalidInput, match=r"limit is .*, but must be a whole number from 1"):
        sosd.read(written(tmp_path / "x_uint64", KEYS, 8), limit=limit)


def test_what_is_cut_off_or_of_another_width_is_damaged(tmp_path):
    for path in (
        written(tmp_path / "x_uint64", KEYS, 8, count=6),
        written(tmp_path / "y_uint64", KEYS, 4),
        written(tmp_path / "z_uint64", KEYS[:0], 8, count=2**63),
    ):
        with pytest.raises(CorruptData, match=r"says that .* keys follow, but has .* bytes"):
            sosd.read(path)
    (tmp_path / "short").write_bytes(b"123")
    with pytest.raises(CorruptData, match="has 3 bytes"):
        sosd.read(tmp_path / "short")


def test_what_does_not_ascend_is_no_file_of_keys(tmp_path):
    with pytest.raises(CorruptData, match="do not ascend"):
        sosd.read(written(tmp_path / "x_uint64", KEYS[::-1], 8))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="none cannot be read: No such file"):
        sosd.read(tmp_path / "none")
