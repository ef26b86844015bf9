"""Read the bytes of a summary without the library: header and sections, as numbers."""

import struct
from itertools import pairwise

import numpy as np

HEADER = struct.Struct("<8sHBBBBHIIQQIIQQQQ")
FIELDS = (
    "magic version kind key_kind width flags zero crc sections length seed capacity least total floor deleted skipped"
)


def header(data):
    return dict(zip(FIELDS.split(), HEADER.unpack_from(data), strict=True))


def sections(data):
    """The bytes of each section, by its tag."""
    found, at = {}, HEADER.size
    while at < len(data):
        tag, _, length = struct.unpack_from("<4sIQ", data, at)
        found[tag.decode()] = data[at + 16 : at + 16 + length]
        at += 16 + length + -length % 8
    return found


def state(summary):
    """What a table of counters holds: keys, counts, errors, and whatever else its policy keeps."""
    data = summary.to_bytes()
    told, found = header(data), sections(data)
    wide = np.dtype(f"<u{told['width']}")
    read = {name: np.frombuffer(found[tag], dtype).tolist() for name, tag, dtype in (
        ("keys", "KEYS", "<u8"), ("counts", "CNTS", wide), ("errors", "ERRS", wide),
    )}  # fmt: skip
    read["minimum"] = struct.unpack("<QQQ", found["MINS"]) if "MINS" in found else None
    if "EPOC" in found:
        read["epochs"] = np.frombuffer(found["EPOC"], "<u2").tolist()
    if "SLOT" in found:
        read["marks"] = list(found["SLOT"])
    if "CELL" in found:
        width, _, read["first"] = struct.unpack_from("<IIQ", found["CELL"])
        read["cells"] = np.frombuffer(found["CELL"], f"<u{width}", offset=16).tolist()
    if "GATE" in found:
        names = ("tau", "epoch", "unit", "nonzero", "slack")
        *numbers, n = struct.unpack_from("<IIQQdQ", found["GATE"])
        read |= dict(zip(names, numbers, strict=True))
        read["gate"] = [half for byte in found["GATE"][40:] for half in (byte & 15, byte >> 4)]
        assert len(read["gate"]) == n
    if "TAIL" in found:
        bins, registers = struct.unpack_from("<II", found["TAIL"])
        read["weights"] = np.frombuffer(found["TAIL"], "<f8", bins, 8).tolist()
        read["registers"] = np.frombuffer(found["TAIL"], "u1", offset=8 + 8 * bins).reshape(bins, registers).tolist()
    return read


def labels(summary):
    """The string of each slot."""
    found = sections(summary.to_bytes())
    n = len(found["KEYS"]) // 8
    ends = np.cumsum([0, *np.frombuffer(found["LABL"], "<u4", n)]) + 4 * n
    return [found["LABL"][start:end].decode() for start, end in pairwise(ends.tolist())]
