"""The byte format of `Codes`, version 1, read without beforehand: what anybody needs to open such a file."""

import struct

import numpy as np


def read(data):
    """The header as a dict, the levels as (groups, s), and the codes in the shape of the array.

    With rotation: the header, the levels as (1, s), the codes of all chunks one after the other, and their scales.
    """
    names = "magic version method objective dtype level_dtype bits ndim grouping axis flags s groups block seed stream"
    header = dict(zip([*names.split(), "payload"], struct.unpack_from("<8sH8BHIQQQQQ", data), strict=True))
    assert header["magic"] == b"\x89BHVC\r\n\x1a"
    assert header["version"] == 1
    at = 64
    shape = struct.unpack_from(f"<{header['ndim']}Q", data, at)
    at += 8 * len(shape)
    header["shape"], (header["clipped"],) = shape, struct.unpack_from("<Q", data, at)
    dtype = "<f4" if header["level_dtype"] else "<f8"
    rotated = header["method"] == 4
    tables = 1 if rotated else header["groups"]
    levels = np.frombuffer(data, dtype, tables * header["s"], at + 8).reshape(tables, header["s"])
    at += 8 + levels.nbytes
    length = shape[-1] if shape else 1
    runs = int(np.prod(shape[:-1], dtype=np.int64))
    if rotated:
        sizes = header["groups"] * chunks(int(np.prod(shape, dtype=np.int64)) // header["groups"], header["block"])
        scales = np.frombuffer(data, dtype, len(sizes), at)
        at += scales.nbytes
        runs, length = 1, sum(sizes)
    packed = np.frombuffer(data, np.uint8, header["payload"], at).reshape(runs, -1 if header["payload"] else 0)
    assert at + header["payload"] + 4 == len(data)
    assert struct.unpack_from("<I", data, len(data) - 4)[0] == crc32c(data[:-4])
    bits = np.unpackbits(packed, axis=1, bitorder="little")[:, : length * header["bits"]]
    bits = bits.reshape(runs, length, header["bits"]).astype(np.uint32)
    codes = (bits << np.arange(header["bits"], dtype=np.uint32)).sum(axis=2)
    return (header, levels, codes[0], scales) if rotated else (header, levels, codes.reshape(shape))


def chunks(size, block):
    """The lengths of what is rotated together."""
    lengths = [block] * (size // block)
    rest = size % block
    while rest >= 64:
        lengths.append(1 << rest.bit_length() - 1)
        rest -= lengths[-1]
    return lengths + [64] * (rest > 0)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
