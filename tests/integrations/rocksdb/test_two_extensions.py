"""`_rocksdb` takes objects of `_native`, and raises its errors."""

import gc
import subprocess
import sys

import pytest

from beforehand.core.errors import Closed, CorruptData, InvalidInput, StorageError
from beforehand.integrations.rocksdb.host import extension
from beforehand.ranges.recorder import QueryRecorder

pytestmark = pytest.mark.rocksdb


@pytest.fixture
def opened(tmp_path):
    """The extension's own database, whose filters come with what this recorder samples."""
    native = extension()
    databases = []

    def open_one(recorder, name="db"):
        families = [("default", 1, 12.0, 5, None, recorder.ring, False)]
        databases.append(native.Database(str(tmp_path / name), families, {}, {}, True, 1 << 20))
        return databases[-1]

    yield open_one
    for database in databases:
        database.close()


def count(db, lo, hi):
    return db.count("default", [lo], [hi], True).tolist()


def test_python_and_cpp_record_into_one_ring(opened):
    recorder = QueryRecorder()
    recorder.record(b"p", b"q")
    db = opened(recorder)
    db.write([("put", "default", b"c", b"1")], False, True)
    assert count(db, b"a", b"d") == [1]
    assert [list(bounds) for bounds in recorder.queries()] == [[b"a", b"p"], [b"d", b"q"]]


def test_cpp_records_on_when_the_object_of_python_is_gone(opened):
    recorder = QueryRecorder()
    db = opened(recorder)
    ring = recorder.ring
    del recorder
    gc.collect()
    assert count(db, b"a", b"d") == [0]
    assert ring.strings() == ([b"a"], [b"d"])
    del ring
    gc.collect()
    db.write([("put", "default", b"c", b"1")], False, True)
    db.flush("default")  # a background thread reads the ring
    assert count(db, b"a", b"d") == [1]


def test_errors_of_the_core_arrive_as_their_classes(opened):
    recorder = QueryRecorder()
    recorder.record(5, 6)
    with pytest.raises(InvalidInput, match="another kind of keys"):
        opened(recorder)
    db = opened(QueryRecorder(), "other")
    with pytest.raises(StorageError, match="lock"):
        opened(QueryRecorder(), "other")
    family = ("default", 1, 12.0, 5, b"no policy", QueryRecorder().ring, False)
    with pytest.raises(CorruptData):
        extension().Database("nowhere", [family], {}, {}, True, 1)
    db.close()
    with pytest.raises(Closed, match="open it again"):
        db.flush("default")


@pytest.mark.parametrize("first", ["_native", "_rocksdb"])
def test_either_extension_can_be_imported_first(first, tmp_path):
    program = (
        f"from beforehand import {first}\n"
        "from beforehand import _native, _rocksdb\n"
        "recorder = _native.QueryRecorder(10, 1, 0)\n"
        "family = ('default', 1, 12.0, 5, None, recorder, False)\n"
        f"db = _rocksdb.Database({str(tmp_path / 'db')!r}, [family], {{}}, {{}}, True, 1)\n"
        "print(db.count('default', [b'a'], [b'b'], True), recorder.strings())\n"
        "try: _native.QueryRecorder(0, 1, 0)\n"
        "except ValueError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[0] ([b'a'], [b'b'])", "InvalidInput"]
    assert done.stderr == ""
