"""The reference: its entries are the public names, and its tables of bytes are the layouts that are written.

A change of a package's `__all__` is a change of the interface: it shows here, and needs a change of the page.
"""

import importlib
import pkgutil
import re
import struct
from pathlib import Path

import numpy as np
import pytest

import beforehand
from beforehand.quantization import Histogram, encode, levels
from beforehand.streams import SpaceSaving
from tests.areas import HOSTED

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
ENTRY = re.compile(r"^\.\. (?:auto(?!module)\w+|py:data):: ([\w.]+)", re.MULTILINE)
ENTRIES = {name for page in REFERENCE.rglob("*.md") for name in ENTRY.findall(page.read_text(encoding="utf-8"))}
ROW = re.compile(r"^\| (\d+) \| (\S+)(?: bytes)? \| ([\w ]+) \|", re.MULTILINE)
FORMATS = {
    "8": "8s",
    "u8": "B",
    "u16": "H",
    "u32": "I",
    "u64": "Q",
    "i32": "i",
    "f64": "d",
    "i128": "16s",
    "u192": "24s",
}


def exporting():
    """The packages whose `__all__` is public: areas and core, and one for each host; not the rooms of an area."""
    names = ["beforehand", *(each.name for each in pkgutil.walk_packages(beforehand.__path__, "beforehand."))]
    hosts = [name for name in names if name.startswith("beforehand.integrations.") and not name.startswith(HOSTED)]
    public = [name for name in names if name.count(".") < 2] + hosts
    return [name for name in public if hasattr(importlib.import_module(name), "__all__")]


def layout(page):
    """The struct format of each table on a page of bytes, and its fields' names; offsets must follow from the types."""
    tables = []
    for offset, kind, field in ROW.findall((REFERENCE / "bytes" / page).read_text(encoding="utf-8")):
        if offset == "0":
            tables.append(("<", []))
        form, fields = tables[-1]
        assert struct.calcsize(form) == int(offset), f"{page}: {field} is not at {offset}"
        tables[-1] = (form + FORMATS[kind], [*fields, field])
    return tables


@pytest.mark.parametrize("module", exporting())
def test_the_names_that_a_user_may_rely_on_are_those_with_an_entry(module):
    found = importlib.import_module(module)
    assert all(hasattr(found, name) for name in found.__all__)
    entries = {entry.rpartition(".")[2] for entry in ENTRIES if entry.rpartition(".")[0] == module}
    assert set(found.__all__) == entries


def test_every_error_has_an_entry():
    errors = importlib.import_module("beforehand.core.errors")
    classes = {f"{errors.__name__}.{name}" for name, found in vars(errors).items() if isinstance(found, type)}
    assert classes <= ENTRIES


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"block": 25}, {"method": "rotation", "block": 128}], ids=str)
def test_the_header_of_codes_is_the_table_on_its_page(options):
    [(form, fields)] = layout("codes.md")
    assert struct.calcsize(form) == 64
    x = np.random.default_rng(0).standard_normal((40, 50)).astype("f4")
    codes = encode(x, levels(x, 16, **options), seed=3, stream=4)
    found = dict(zip(fields, struct.unpack_from(form, codes.to_bytes()), strict=True))
    rotated = "method" in options
    assert found == {
        "magic": b"\x89BHVC\r\n\x1a",
        "version": 1,
        "method": 4 if rotated else 2,
        "objective": 0,
        "dtype": 1,
        "level dtype": 1,
        "bits": 4,
        "axes": 2,
        "grouping": 1 if "axis" in options else 2 if "block" in options and not rotated else 0,
        "axis": options.get("axis", 255),
        "flags": 5 if rotated else int(not options),
        "n_levels": 16,
        "groups": 50 if "axis" in options else 80 if "block" in options and not rotated else 1,
        "block": options.get("block", 0),
        "seed": 3,
        "stream": 4,
        "payload bytes": 1024 if rotated else 1000,
    }


def test_the_bytes_of_a_histogram_are_the_tables_on_its_page():
    (header, fields), (bucket, _) = layout("histogram.md")
    histogram = Histogram(center=1.0, scale=0.5, bins=64)
    histogram.update([1.0, 1.1, 40.0])
    histogram.update([40.0], weights=[0.5])
    data = histogram.to_bytes()
    found = dict(zip(fields, struct.unpack_from(header, data), strict=True))
    assert found == {
        "magic": b"\x89BHVH\r\n\x1a",
        "version": 2,
        "flags": 1,
        "bins": 64,
        "shift": found["shift"],
        "buckets": histogram.buckets,
        "center": 1.0,
        "scale": 0.5,
        "count": 4,
    }
    assert len(data) == struct.calcsize(header) + struct.calcsize(bucket) * histogram.buckets + 4
    *_, (_, low, high, count, total, squares, *rounded) = struct.iter_unpack(bucket, data[struct.calcsize(header) : -4])
    step = 2.0 ** (6 - 52 - 1)  # 78 scales from the center, of one half each
    assert (low, high, count) == (40.0, 40.0, 1)
    assert int.from_bytes(total, "little") * step == 39.0
    assert int.from_bytes(squares, "little") * step**2 == 39.0**2
    assert rounded == [0.5, 19.5, 760.5]


def test_the_header_of_summaries_is_the_table_on_its_page():
    [(form, fields)] = layout("summaries.md")
    summary = SpaceSaving(capacity=5, seed=6, deletions=True)
    summary.update(["a", "b", None], [2, 3, 4])
    summary.delete("a")
    data = summary.to_bytes()
    assert struct.calcsize(form) == 80
    found = dict(zip(fields, struct.unpack_from(form, data), strict=True))
    assert found == {
        "magic": b"\x89BHSS\r\n\x1a",
        "version": 1,
        "kind": 1,
        "key kind": 4,
        "counter width": 4,
        "flags": 1 + 2 + 4,
        "reserved": 0,
        "CRC": found["CRC"],
        "sections": found["sections"],
        "length": len(data) - 80,
        "seed": 6,
        "capacity": 5,
        "least capacity": 5,
        "total": 5,
        "floor": 0,
        "deleted": 1,
        "skipped": 1,
    }


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", beforehand.__version__)
