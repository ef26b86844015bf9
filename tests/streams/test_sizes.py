import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.streams import CountMin, CountSketch, SpaceSaving
from beforehand.streams.sizes import Sizes, as_bytes, sizes, sizes_for

# By memory: exact, assoc, filtered (cells), gated (cells, gate cells), calibrated (registers).
TABLE = {
    6_144: (307, 384, (230, 768), (220, 306, 1_228), (188, 16)),
    24_576: (1_228, 1_536, (921, 3_072), (881, 1_228, 4_914), (858, 16)),
    98_304: (4_915, 6_144, (3_686, 12_288), (3_562, 4_914, 19_660), (3_470, 64)),
    393_216: (19_660, 24_576, (14_745, 49_152), (14_286, 19_660, 78_642), (13_914, 256)),
    4_194_304: (174_762, 262_144, (131_072, 524_288), (129_045, 209_714, 838_860), (128_730, 256)),
}


@pytest.mark.parametrize("memory", TABLE)
def test_what_memory_holds(memory):
    exact, assoc, filtered, gated, calibrated = TABLE[memory]
    assert sizes(memory, "exact") == Sizes(exact)
    assert sizes(memory, "assoc") == Sizes(assoc)
    assert sizes(memory, "filtered") == Sizes(*filtered)
    found = sizes(memory, "gated")
    assert (found.capacity, found.cells, found.gate_cells) == gated
    found = sizes(memory, "calibrated")
    assert (found.capacity, found.registers) == calibrated


@pytest.mark.parametrize("policy", ["filtered", "gated", "calibrated", "lss", "lss+"])
@pytest.mark.parametrize("capacity", [1, 2, 3, 7, 60, 700, 881, 16_384, 65_534, 65_535, 100_000])
def test_a_capacity_takes_the_parts_of_the_least_memory_that_holds_it(policy, capacity):
    found = sizes_for(capacity, policy)
    assert found.capacity == capacity
    least = {"filtered": 24, "lss": 28, "gated": 2048}.get(policy, 4096)
    slot = {"filtered": 16, "lss": 17, "gated": 18, "calibrated": 18}.get(policy, 19)
    memory = max(least, capacity * slot)
    while sizes(memory, policy).capacity < capacity:  # one byte after the other
        memory += 1 if capacity < 1000 else 64
    assert capacity >= 1000 or memory == least or sizes(memory, policy) == found
    assert found.cells <= sizes(memory, policy).cells
    assert found.gate_cells <= sizes(memory, policy).gate_cells


@pytest.mark.parametrize("memory", [2048, 6144, "24KiB", "1MB", 393_216])
@pytest.mark.parametrize("policy", ["exact", "assoc", "filtered", "gated"])
def test_a_summary_takes_no_more_than_its_memory(memory, policy):
    summary = SpaceSaving(memory=memory, policy=policy)
    assert summary.nbytes < as_bytes(memory) or policy == "assoc"  # a short stream costs little
    summary.update(np.arange(2 * summary.capacity))
    assert len(summary) == summary.capacity or policy == "assoc"
    assert 0.98 * as_bytes(memory) - 128 <= summary.nbytes <= as_bytes(memory)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("256KiB", 262_144), ("24 kb", 24_000), ("1MB", 10**6), ("1.5MiB", 1_572_864), ("7", 7), ("3B", 3), (9, 9)],
)
def test_memory_may_be_text(text, expected):
    assert as_bytes(text) == expected


@pytest.mark.parametrize("memory", ["", "KiB", "1 parsec", "-1KB", "0 B", 0, -5, True, 1.5, None, 2**62])
def test_memory_that_is_none_is_refused(memory):
    with pytest.raises(InvalidInput, match="memory is "):
        as_bytes(memory)


@pytest.mark.parametrize(("policy", "least"), [("exact", 24), ("assoc", 128), ("gated", 2048), ("calibrated", 4096)])
def test_memory_below_the_least_is_refused(policy, least):
    assert sizes(least, policy).capacity >= 1
    with pytest.raises(InvalidInput, match=f"but policy '{policy}"):
        sizes(least - 1, policy)
    with pytest.raises(InvalidInput, match="more than 2\\*\\*32 - 2 counters take"):
        sizes(2**40, policy)


@pytest.mark.parametrize(
    ("native", "make", "size"),
    [
        ("CountMin", lambda: CountMin(width=2**40), "17,592,186,044,416"),
        ("CountSketch", lambda: CountSketch(width=2**40), "43,980,465,111,040"),
        ("Assoc", lambda: SpaceSaving(capacity=2**32 - 8, policy="assoc"), "68,719,476,608"),
    ],
)
def test_what_takes_more_memory_than_there_is_says_how_much(monkeypatch, native, make, size):
    def refuse(*_):  # as the allocator does; some would rather hand out what is not there, or end the process
        raise MemoryError

    monkeypatch.setattr(_native, native, refuse)
    with pytest.raises(CapacityExceeded, match=f"this takes {size} bytes, which is more memory than there is"):
        make()
