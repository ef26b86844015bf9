import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.streams import LearnedSlidingWindow
from beforehand.studies.learned_window import filters

KEYS = np.random.default_rng(0).integers(0, 30, 4000).astype(np.uint64)


def test_every_contender_has_the_same_memory_and_window():
    for name, make in filters.CONTENDERS.items():
        window = make(KEYS, 500, 8192)
        assert window.window == 500
        assert isinstance(window, LearnedSlidingWindow) == (name not in ("none", "doorkeeper"))
        window.update(KEYS)
        assert window.nbytes <= 8192


def capture(path, packets):
    rows = (f"{i}.5,10.0.{i % 7}.1,10.1.0.{i % 200},60" for i in range(packets))
    path.write_text("frame.time_epoch,ip.src,ip.dst,frame.len\n" + "\n".join(rows) + "\n")
    return path


def test_packets_of_a_capture_are_one_more_stream(tmp_path):
    assert filters.packets_of(None) is None
    with pytest.raises(InvalidInput, match="has 9 packets, but must have 262,144 or more"):
        filters.packets_of(capture(tmp_path / "short.csv", 9))
    packets = filters.packets_of(capture(tmp_path / "long.csv", 262_144))
    assert len(np.unique(packets)) == 1400
    assert list(filters.streams(1000, True, packets)) == ["Zipf 1.0", "flows", "packets"]
    assert list(filters.streams(2**17, True, packets)) == ["Zipf 1.0", "flows"]  # too short for that window
    (row,) = filters.measure({"packets": packets[:4000]}, 1000, (4,), "none", "next gaps")
    assert row.errors["none"]["balanced"] >= 0


def test_keys_are_renamed_as_often_as_said():
    rows = [len(np.unique(filters.drifting(5000, share))) for share in filters.RENAMED]
    assert rows == sorted(rows)
    assert rows[0] < 0.9 * rows[2]
