"""Bytes of version 1 stay readable for ever: a file of each kind, in tests/fixtures/streams, and what it must say.

`python -m tests.streams.test_stored` writes files that are missing; one that exists is never written again.
"""

from pathlib import Path

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.streams import (
    CountMin,
    CountSketch,
    LearnedSlidingWindow,
    LearnedSpaceSaving,
    LookupTable,
    SlidingWindow,
    SpaceSaving,
    from_bytes,
)
from tests.quantization.bhq_reader import crc32c

FOLDER = Path(__file__).parents[1] / "fixtures" / "streams"
NUMBERS = (np.arange(400) ** 2 * 7919 % 401 % (1 + np.arange(400) % 50)).astype(np.uint64)
WORDS = [f"word {key}" for key in NUMBERS.tolist()]


def counted(summary, keys=NUMBERS, weights=None):
    summary.update(keys, weights)
    return summary


def table():
    return LookupTable(entries=8).fit(NUMBERS)


def merged():
    return counted(SpaceSaving(capacity=12)) | counted(SpaceSaving(capacity=8), NUMBERS[::2])


def deleted():
    summary = counted(SpaceSaving(capacity=12, deletions=True))
    summary.delete(NUMBERS[:20])
    return summary


SUMMARIES = {
    "exact": lambda: counted(SpaceSaving(capacity=12)),
    "exact_labels": lambda: counted(SpaceSaving(capacity=12), WORDS),
    "exact_weighted": lambda: counted(SpaceSaving(capacity=12), NUMBERS, 1 + NUMBERS % 7),
    "exact_wide": lambda: counted(SpaceSaving(capacity=12), NUMBERS, 2**31),
    "exact_deletions": deleted,
    "exact_merged": merged,
    "assoc": lambda: counted(SpaceSaving(capacity=16, policy="assoc")),
    "assoc_labels": lambda: counted(SpaceSaving(capacity=16, policy="assoc"), WORDS),
    "filtered": lambda: counted(SpaceSaving(capacity=12, policy="filtered")),
    "filtered_folded": lambda: counted(SpaceSaving(capacity=12, policy="filtered"), NUMBERS, 70_000),
    "gated": lambda: counted(SpaceSaving(memory="2KiB", policy="gated")),
    "calibrated": lambda: counted(LearnedSpaceSaving(table(), memory="4KiB")),
    "lss": lambda: counted(LearnedSpaceSaving(table(), memory=300, policy="lss")),
    "lss_plus": lambda: counted(LearnedSpaceSaving(table(), memory="4KiB", policy="lss+")),
    "count_min": lambda: counted(CountMin(width=20, depth=2, conservative=False)),
    "conservative": lambda: counted(CountMin(width=20, depth=2), WORDS),
    "count_sketch": lambda: counted(CountSketch(width=20, depth=3)),
    "window": lambda: counted(SlidingWindow(100, blocks=10, counters=8)),
    "window_labels": lambda: counted(SlidingWindow(100, blocks=10, counters=8), WORDS),
    "window_doorkeeper": lambda: counted(SlidingWindow(100, memory=600, filter="doorkeeper")),
    "window_sample": lambda: counted(SlidingWindow(100, blocks=10, counters=8, sample=0.25)),
    "window_learned": lambda: counted(LearnedSlidingWindow(table(), 100, memory=2000)),
}
TEXT = {"exact_labels", "assoc_labels", "conservative", "window_labels"}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_stored_summary_is_the_one_that_is_made_today(name):
    data = (FOLDER / f"{name}.bhss").read_bytes()
    read, made = from_bytes(data), SUMMARIES[name]()
    assert read.to_bytes() == data
    read.check_invariants()
    keys = [f"word {key}" for key in range(60)] if name in TEXT else np.arange(60, dtype=np.uint64)
    for mine, its in zip(read.bounds(keys), made.bounds(keys), strict=True):
        assert mine.tolist() == its.tolist()
    assert read.estimate(keys).tolist() == made.estimate(keys).tolist()
    assert (type(read), read.total, read.key_kind) == (type(made), made.total, made.key_kind)
    if hasattr(read, "top"):
        assert read.top(5).to_list() == made.top(5).to_list()
    more = WORDS if name in TEXT else NUMBERS
    for each in (read, made):
        each.update(more)
    assert read.estimate(keys).tolist() == made.estimate(keys).tolist()


def test_every_kind_is_stored():
    kinds = {path.read_bytes()[10] for path in FOLDER.glob("*.bhss")}
    assert kinds == {*range(1, 12), *range(16, 21)}


def test_another_version_or_kind_is_named():
    data = SUMMARIES["exact"]().to_bytes()
    with pytest.raises(CorruptData, match="version is 2, but this library reads 1"):
        from_bytes(data[:8] + b"\2" + data[9:])
    with pytest.raises(CorruptData, match="kind 99 at byte 10 is none that this version knows"):
        from_bytes(data[:10] + b"\x63" + data[11:])
    with pytest.raises(InvalidInput, match="data is a int, but must be bytes"):
        from_bytes(5)


@pytest.mark.parametrize("name", [*SUMMARIES, "table"])
def test_a_tag_that_is_no_text_is_damage_too(name):
    data = bytearray((table() if name == "table" else SUMMARIES[name]()).to_bytes())
    data[80] ^= 0x80  # in the tag of the first section
    data[84] |= 1  # which may be ignored, says its flag
    data[16:20] = bytes(4)
    data[16:20] = crc32c(bytes(data)).to_bytes(4, "little")
    with pytest.raises(CorruptData, match="not a valid stream summary or predictor"):
        from_bytes(bytes(data))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stem, make in SUMMARIES.items():
        if not (FOLDER / f"{stem}.bhss").exists():
            (FOLDER / f"{stem}.bhss").write_bytes(make().to_bytes())
