import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from beforehand.core import Trace
from beforehand.core.errors import CorruptData
from tests.traces import traces

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(trace=traces())
def test_it_holds_everything(tmp_path, trace):
    trace.save(tmp_path / "t.npz")
    assert Trace.load(tmp_path / "t.npz").fingerprint == trace.fingerprint


def test_names_that_numpy_takes_for_its_own_are_columns_like_others(tmp_path):
    trace = Trace("jobs", {"file": [1], "allow_pickle": [2], "a": [3], "a.npy": [4]})
    trace.save(tmp_path / "t.npz")
    assert Trace.load(tmp_path / "t.npz").fingerprint == trace.fingerprint


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saved_needs_only_a_kind(tmp_path, save):
    save(tmp_path / "t.npz", key=np.arange(3), values=np.ones((3, 2)))
    trace = Trace.load(tmp_path / "t.npz", kind="vectors")
    assert (trace["key"].tolist(), trace["values"].shape) == ([0, 1, 2], (3, 2))


class Bomb:
    def __reduce__(self):
        return (sys.exit, ("unpickled",))


def test_npz_never_unpickles(tmp_path):
    np.savez(tmp_path / "t.npz", a=np.array([Bomb()], dtype=object))
    with pytest.raises(CorruptData, match="allow_pickle=False"):
        Trace.load(tmp_path / "t.npz", kind="jobs")


def test_npz_that_claims_more_than_it_holds_is_corrupt(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(CorruptData, match=r"t\.npz"):
        Trace.load(tmp_path / "t.npz", kind="jobs")


@pytest.mark.parametrize("mark", ["3", "[1]", "{", '{"kind": 3}', '{"kind": "jobs", "meta": 3}'])
def test_a_mark_that_is_none_is_corrupt(tmp_path, mark):
    np.savez(tmp_path / "t.npz", a=np.arange(3), **{"beforehand.trace": mark})
    with pytest.raises(CorruptData, match=r"t\.npz"):
        Trace.load(tmp_path / "t.npz", kind=None)


def test_a_column_below_a_table_without_offsets_is_corrupt(tmp_path):
    np.savez(tmp_path / "t.npz", **{"layer/weights": np.arange(3)})
    with pytest.raises(CorruptData, match=r"t\.npz holds no trace: child table layer"):
        Trace.load(tmp_path / "t.npz", kind="vectors")
