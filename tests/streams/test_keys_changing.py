"""Keys whose memory changes while it is read: any result will do, but for a crash."""

import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput


def keys(x, seed=0):
    return _native.Keys(x, seed)


def changing(forms, write, seconds=0.5):
    """Read each of these again and again while `write` changes their memory."""
    stop = threading.Event()

    def run():
        while not stop.is_set():
            write()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for form in forms:
                held = keys(form)
                assert held.ids().size <= len(held)
                held.take(np.arange(0, len(held), 500, dtype=np.uint64))
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("offset", [np.int32, np.int64])
def test_offsets_that_change_while_they_are_read_do_no_harm(offset):
    rows = 50_000
    offsets, good = np.arange(rows + 1, dtype=offset), np.arange(rows + 1, dtype=offset)
    data = np.full(rows, ord("x"), np.uint8)
    random = np.random.default_rng(0)
    form = pa.string() if offset == np.int32 else pa.large_string()
    text = pa.Array.from_buffers(form, rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])

    def write():
        offsets[1:-1] = random.integers(np.iinfo(offset).min, np.iinfo(offset).max, rows - 1)
        offsets[:] = good

    changing([text], write)


def test_views_and_codes_that_change_while_they_are_read_do_no_harm():
    rows = 20_000
    text = pa.array(["a string of more than 12 bytes", "short"] * (rows // 2))
    viewed = text.cast(pa.string_view())
    views = np.array(np.frombuffer(viewed.buffers()[1], np.int32))
    kept, random = views.copy(), np.random.default_rng(0)
    viewed = pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(views), *viewed.buffers()[2:]])
    codes = np.zeros(rows, np.int32)
    coded = pa.DictionaryArray.from_arrays(
        pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(codes)]), pa.array(["a", "b"])
    )

    def write():
        views[:] = random.integers(-(2**31), 2**31, views.size)
        codes[:] = views[:rows]
        views[:] = kept

    changing([viewed, coded], write)


def test_code_points_that_change_while_they_are_read_do_no_harm():
    x = np.full(20_000, "abc")
    points, random = x.view(np.uint32), np.random.default_rng(0)

    def write():
        points[::7] = random.integers(0, 2**32, points[::7].size)
        points[:] = ord("a")

    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            changing([x], write, 0.1)
        except InvalidInput as error:
            assert "code point" in str(error)  # noqa: PT017
