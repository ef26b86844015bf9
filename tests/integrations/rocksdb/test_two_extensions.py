"""`_rocksdb` takes objects of `_native`, and raises its errors."""

import gc
import subprocess
import sys

import pytest

from beforehand.core.errors import Closed, StorageError
from beforehand.ranges.recorder import QueryRecorder

pytestmark = pytest.mark.rocksdb


@pytest.fixture
def extension():
    from beforehand import _rocksdb

    return _rocksdb


def test_python_and_cpp_record_into_one_ring(extension, tmp_path):
    recorder = QueryRecorder()
    recorder.record(b"p", b"q")
    db = extension.Database(str(tmp_path / "db"), recorder._ring)
    db.put(b"c", b"1")
    assert db.count(b"a", b"d") == 1
    assert [list(bounds) for bounds in recorder.queries()] == [[b"a", b"p"], [b"d", b"q"]]


def test_cpp_records_on_when_the_object_of_python_is_gone(extension, tmp_path):
    recorder = QueryRecorder()
    db = extension.Database(str(tmp_path / "db"), recorder._ring)
    del recorder
    gc.collect()
    assert db.count(b"a", b"d") == 0


def test_errors_of_the_core_arrive_as_their_classes(extension, tmp_path):
    db = extension.Database(str(tmp_path / "db"), QueryRecorder()._ring)
    with pytest.raises(StorageError, match="lock"):
        extension.Database(str(tmp_path / "db"), QueryRecorder()._ring)
    db.close()
    with pytest.raises(Closed, match="open it again"):
        db.put(b"a", b"")


@pytest.mark.parametrize("first", ["_native", "_rocksdb"])
def test_either_extension_can_be_imported_first(first, tmp_path):
    program = (
        f"from beforehand import {first}\n"
        "from beforehand import _native, _rocksdb\n"
        "recorder = _native.QueryRecorder(10, 1, 0)\n"
        f"db = _rocksdb.Database({str(tmp_path / 'db')!r}, recorder)\n"
        "print(db.count(b'a', b'b'), recorder.strings())\n"
        "try: _native.QueryRecorder(0, 1, 0)\n"
        "except ValueError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["0 ([b'a'], [b'b'])", "InvalidInput"]
    assert done.stderr == ""
