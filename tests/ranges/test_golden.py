"""Bytes of version 1 stay what they are, and the reader on their page reads them."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest

from beforehand.ranges import Design, Proteus, load
from tests.ranges.golden import GOLDEN, KEYS, LOW, NAMES, path
from tests.test_reference import layout

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "bytes" / "range_filter.md").read_text(encoding="utf-8")
READER = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
EXAMPLE = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1]
READABLE = [name for name in GOLDEN if name.partition("_")[0] not in ("trie", "two", "surf", "rosetta", "names")]
SHIFTS = {"locality_hash": 2**63, "days": 2**63}  # from a number to its code


def test_every_golden_file_is_built_by_something():
    assert {found.stem for found in path("").parent.glob("*.bin")} == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_build_gives_the_bytes_that_it_always_gave(name):
    assert GOLDEN[name]().to_bytes() == path(name).read_bytes()


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bytes_hold_their_keys(name):
    found = load(path(name))
    keys = NAMES if name.startswith("names") else KEYS.view("M8[D]") if name == "days" else KEYS
    if name == "names_surf":
        keys = [key.decode("latin1") for key in keys]
    assert found.may_contain(keys).all() or name == "empty"


def test_the_example_of_the_page_is_what_it_says():
    lines = [re.match(r"((?:[0-9a-f]{2}(?: {1,2}|$))*)", line)[0] for line in EXAMPLE.splitlines()]
    keys = np.array([10, 200, 1000, 70000], np.uint64)
    made = Proteus.build(keys, design=Design(exact="elias_fano", exact_bits=60), bits_per_key=200)
    assert bytes.fromhex("".join(lines)) == made.to_bytes()


def test_the_tables_of_the_page_are_the_layout():
    header, row = layout("range_filter.md")
    data = path("elias_fano_fuse").read_bytes()
    found = dict(zip(header[1], struct.unpack_from(header[0], data), strict=True))
    assert struct.calcsize(header[0]) == 64
    assert (found["magic"], found["version"], found["length"], found["count"]) == (
        b"\x89BHRF\r\n\x1a",
        1,
        len(data),
        40,
    )
    assert (found["filter"], found["exact kind"], found["approximate kind"], found["probes"]) == (1, 1, 2, 6)
    assert (found["exact bits"], found["approximate bits"], found["seed"]) == (18, 60, 7)
    rows = [struct.unpack_from(row[0], data, 64 + 24 * i) for i in range(found["sections"])]
    assert [tag for tag, *_ in rows] == [1, 3, 6, 11]
    assert rows[0] == (1, 0, 64 + 24 * 4, 24)


def test_the_reader_is_short():
    assert len([line for line in READER.splitlines() if line.strip()]) <= 80


@pytest.mark.parametrize("name", READABLE)
def test_the_reader_of_the_page_answers_as_the_library(name):
    scope = {}
    exec(READER, scope)
    read, found = scope["Filter"](path(name).read_bytes()), load(path(name))
    shift = SHIFTS.get(name, 0)
    assert read.count == found.count
    rng = np.random.default_rng(0)
    lows = [0, int(KEYS[-1]), *LOW[::3].tolist(), *rng.integers(0, 2**60, 60).tolist()]
    for low in lows:
        for length in (0, 1, 9, 70, 2**30, 2**50):
            ends = low, low + length
            asked = (np.datetime64(end, "D") for end in ends) if name == "days" else ends
            assert read.may_intersect(*(end + shift for end in ends)) == found.may_intersect(*asked), ends
