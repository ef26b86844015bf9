"""Packets of a capture, as tshark writes their fields: who sent how many bytes to whom.

The command is `tshark -r FILE -T fields -E header=y -E separator=, -E occurrence=f` with an `-e` for each field of
`FIELDS`, and for IPv6 those of `IPV6` too. tshark looks through the tags of 802.1Q and 802.1ad.
"""

import csv
import io
import socket
from array import array
from collections.abc import Iterator
from os import PathLike
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput

TIME, SOURCE, DESTINATION, LENGTH = FIELDS = ("frame.time_epoch", "ip.src", "ip.dst", "frame.len")
IPV6 = ("ipv6.src", "ipv6.dst")
LONGEST = 10_000  # bytes of a header
META: Final = {"source": "tshark", "unit": "bytes"}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
REMEDY: Final = "write it with tshark -T fields -E header=y -E separator=, -E occurrence=f"


def recognize(path: str | PathLike[str]) -> bool:
    """Whether the file begins with tshark's names for the four fields; False if it cannot be read."""
    try:
        with open(path, "rb") as stream:
            header, _ = _header(stream)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return set(FIELDS) <= set(header)


def read(path: str | PathLike[str]) -> Trace:
    """Packets as arrivals whose key is the pair of addresses, and whose weight is the length on the wire.

    Args:
        path: Columns in any order, between commas or tabs, in quotes or not; others are ignored.

    Guarantee:
        A trace of kind `stream` with the columns `key`, `at` and `weight`. `key` is `source << 32 | destination`,
        uint64; where a row has IPv6 addresses and no others, all keys are text, `source>destination`. Of a packet
        inside another the outer addresses count. `at` is in seconds since the first packet, non-decreasing: captures of
        several interfaces are sorted. `weight` is `frame.len`, what was on the wire, however little of it was captured.
        Rows without addresses, such as those of ARP, are left out and counted in `meta["dropped"]`.

    Raises:
        InvalidInput: the file cannot be read, lacks a field, or has no packet with addresses.
        CorruptData: a row is damaged; the message names it.
    """
    try:
        with open(path, "rb") as stream:
            return _trace(path, stream)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorruptData(f"{path} is not what tshark writes ({error}); {REMEDY}") from error


def _trace(path: str | PathLike[str], stream: BinaryIO) -> Trace:
    header, separator = _header(stream)
    missing = [field for field in FIELDS if field not in header]
    if missing:
        hint = "; the captured length frame.cap_len is no substitute" if "frame.cap_len" in header else ""
        raise InvalidInput(f"{path} lacks the field {missing[0]}{hint}; add -e {missing[0]} to the command of tshark")
    seconds, nanoseconds, weights = array("q"), array("q"), array("q")
    pairs: list[tuple[str, str]] = []
    dropped = 0
    for line, row in _rows(path, stream, separator, header):
        source, destination = row[SOURCE], row[DESTINATION]
        if not (source and destination):
            source, destination = (row.get(field, "") for field in IPV6)
        if not (source and destination):
            dropped += 1
            continue
        try:
            whole, _, fraction = row[TIME].partition(".")
            length = int(row[LENGTH])
            if length < 1:
                raise ValueError
            seconds.append(int(whole))
            nanoseconds.append(int(f"{fraction[:9]:0<9}"))
            weights.append(length)
        except (ValueError, OverflowError):
            raise CorruptData(
                f"{path} has time {row[TIME][:40]!r} and length {row[LENGTH][:40]!r} in line {line}, which are no "
                f"number of seconds and of bytes; {REMEDY}"
            ) from None
        pairs.append((source.partition(",")[0], destination.partition(",")[0]))
    if not pairs:
        raise InvalidInput(f"none of the {dropped} packets in {path} has addresses; capture some of IP")
    at = (np.array(seconds) - min(seconds)) + np.array(nanoseconds) * 1e-9
    at -= at.min()
    order = np.argsort(at, kind="stable")
    columns = {"key": _keys(path, pairs)[order], "at": at[order], "weight": np.array(weights)[order]}
    return Trace("stream", columns, meta={**META, "dropped": dropped})


def _header(stream: BinaryIO) -> tuple[list[str], str]:
    """The names in the first line, and what is between them."""
    line = stream.readline(LONGEST).removeprefix(BYTE_ORDER_MARK).decode()
    separator = "\t" if "\t" in line else ","
    return next(csv.reader([line], delimiter=separator), []), separator


def _rows(
    path: str | PathLike[str], stream: BinaryIO, separator: str, header: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines below the header by field, with their numbers in the file."""
    with io.TextIOWrapper(stream, "utf-8", newline="") as text:
        reader = csv.reader(text, delimiter=separator)
        for row in reader:
            if row and len(row) != len(header):
                raise CorruptData(
                    f"{path} has {len(row)} cells in line {reader.line_num + 1}, but names {len(header)}: a packet "
                    f"inside another has two addresses between which stands a comma; {REMEDY}"
                )
            if row:
                yield reader.line_num + 1, dict(zip(header, row, strict=True))


def _keys(path: str | PathLike[str], pairs: list[tuple[str, str]]) -> NDArray[Any]:
    addresses: dict[str, int] = {}
    for address in {address for pair in pairs for address in pair}:
        try:
            addresses[address] = int.from_bytes(socket.inet_pton(socket.AF_INET, address))
        except OSError:
            try:
                socket.inet_pton(socket.AF_INET6, address)
            except OSError:
                raise CorruptData(f"{path} has the address {address[:40]!r}, which is none; {REMEDY}") from None
    if any(source not in addresses or destination not in addresses for source, destination in pairs):
        return np.array([f"{source}>{destination}" for source, destination in pairs])
    return np.array([addresses[source] << 32 | addresses[destination] for source, destination in pairs], np.uint64)
