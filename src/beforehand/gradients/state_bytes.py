"""What an encoder keeps from step to step, as bytes."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.checksum import crc32c
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients.codec import Codec
from beforehand.gradients.codecs import codec_from_json
from beforehand.gradients.inputs import whole

MAGIC: Final = b"\x89BHGE\r\n\x1a"
VERSION: Final = 1
KINDS: Final = ("feedback", "factors", "selector")  # by their number in the bytes
MOST_JSON: Final = 4096
MOST_DIMENSIONS: Final = 8  # the weight of a convolution in space has five
HEADER: Final = struct.Struct("<8sHHI")  # magic, version, zero, length of the JSON
COUNTS: Final = struct.Struct("<QI")  # step, entries


@final
@dataclass(frozen=True, eq=False)
class EncoderState:
    """What one worker's encoders keep from step to step, as bytes that any machine reads.

    Args:
        codec: That opened the encoders.
        step: Of the next round.
        entries: What `state` of an encoder returned, or of all buckets together: arrays of float32 by kind and name.

    Guarantee:
        An encoder that is opened at `step` and loads `entries` goes on with the same bits. Bytes that were cut,
        lengthened or changed anywhere are refused, and no length in them makes room beyond their own size.

    Raises:
        InvalidInput: A name, or a type, is none that encoders use; a value is not finite.

    Example:
        >>> from beforehand.gradients import Layout, TopK, drive_local
        >>> layout, codec = Layout([("weight", (4,))]), TopK(density=0.25)
        >>> encoder = codec.open(layout, rank=0, workers=1, reduction="gather")
        >>> _ = drive_local([encoder], [np.array([8, 0, 0, 1], np.float32)])
        >>> data = EncoderState(codec, encoder.step, encoder.state()).to_bytes()
        >>> kept = EncoderState.from_bytes(data)
        >>> again = kept.codec.open(layout, rank=0, workers=1, reduction="gather", step=kept.step)
        >>> again.load(kept.entries)
        >>> drive_local([again], [np.zeros(4, np.float32)]).means[0]  # the one still waits
        array([0., 0., 0., 1.], dtype=float32)
    """

    codec: Codec
    step: int
    entries: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        """Raise if these are not what encoders keep."""
        whole("step", self.step)
        if not 0 <= self.step < 2**64:
            raise InvalidInput(f"step is {self.step}, but must be from 0 to 2**64 - 1")
        for key, values in self.entries.items():
            kind, _, name = key.partition("/")
            if kind not in KINDS or not 0 < len(name.encode()) < 2**16:
                raise InvalidInput(
                    f"entry {key[:60]!r} has no place here; a kind ({', '.join(KINDS)}), a slash and a name of at most "
                    "65535 bytes are what state() returns"
                )
            if not isinstance(values, np.ndarray) or values.dtype != np.float32 or values.ndim > MOST_DIMENSIONS:
                given = getattr(values, "dtype", type(values).__name__)
                raise InvalidInput(
                    f"{key} is {given}, but must be an array of float32 of at most {MOST_DIMENSIONS} dimensions"
                )
            if not np.isfinite(values).all():
                raise InvalidInput(f"{key} holds values that are not finite; keep the state of an earlier step")

    def __eq__(self, other: object) -> bool:
        """Whether both are written alike."""
        return isinstance(other, EncoderState) and self.to_bytes() == other.to_bytes()

    def to_bytes(self) -> bytes:
        """Little-endian, version 1.

        Raises:
            InvalidInput: The codec's JSON has more than 4,096 bytes.
        """
        text = self.codec.to_json().encode()
        if len(text) > MOST_JSON:
            raise InvalidInput(f"the codec's JSON has {len(text)} bytes, but at most {MOST_JSON} are kept")
        parts = [HEADER.pack(MAGIC, VERSION, 0, len(text)), text, COUNTS.pack(self.step, len(self.entries))]
        for (kind, name), values in sorted((_place(key), values) for key, values in self.entries.items()):
            parts += [struct.pack("<H", len(name)), name, struct.pack("<BB", kind, values.ndim)]
            parts += [struct.pack(f"<{values.ndim}I", *values.shape), values.astype("<f4").tobytes()]
        return _sealed(b"".join(parts))

    @classmethod
    def from_bytes(cls, data: bytes) -> "EncoderState":
        """What `to_bytes` wrote, by this version or an older one.

        Raises:
            CorruptData: These bytes are something else, or were damaged.
            InvalidInput: `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):  # bytes(n) would make n zeros
            raise InvalidInput(f"data is a {type(data).__name__}, but must be bytes; read them from the file")
        data = bytes(data)
        if len(data) < HEADER.size + COUNTS.size + 4 or data[:8] != MAGIC:
            raise _corrupt(data, "they begin or end otherwise")
        if (version := int.from_bytes(data[8:10], "little")) > VERSION:
            raise CorruptData(f"version {version} at byte 8 is above {VERSION}; these bytes are of a newer beforehand")
        if _sealed(data[:-4]) != data:
            raise _corrupt(data, "their checksum is another")
        rest = _Rest(data)
        _, version, zero, length = rest.unpack(HEADER)
        if version == 0 or zero or length > MOST_JSON:
            raise _corrupt(data, "their header is out of range")
        try:
            codec = codec_from_json(rest.take(length).decode())
        except ValueError as error:  # of what to_json never writes, and UnicodeDecodeError
            raise CorruptData(f"these {len(data)} bytes hold no codec ({error})") from error
        step, count = rest.unpack(COUNTS)
        entries: dict[str, NDArray[Any]] = {}
        last: tuple[int, bytes] | None = None
        for _ in range(count):
            place, values = rest.entry()
            if last is not None and place <= last:
                raise _corrupt(data, f"entry {len(entries)} repeats a name, or stands before its place")
            last = place
            entries[f"{KINDS[place[0]]}/{place[1].decode()}"] = values
        if rest.left:
            raise _corrupt(data, f"{rest.left} bytes follow the last entry")
        return cls(codec, step, entries)


class _Rest:
    """What is still to be read, before the checksum."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - 4 - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise _corrupt(self._data, f"they end within {size} bytes at {self._at}")
        self._at += size
        return self._data[self._at - size : self._at]

    def unpack(self, fields: struct.Struct) -> tuple[Any, ...]:
        return fields.unpack(self.take(fields.size))

    def entry(self) -> tuple[tuple[int, bytes], NDArray[np.float32]]:
        (size,) = self.unpack(struct.Struct("<H"))
        name = self.take(size)
        kind, dimensions = self.take(2)
        if kind >= len(KINDS) or dimensions > MOST_DIMENSIONS:
            raise _corrupt(self._data, f"an entry has kind {kind} and {dimensions} dimensions")
        shape = self.unpack(struct.Struct(f"<{dimensions}I"))
        size = 4
        for length in shape:  # of Python's integers, which do not wrap
            size *= length
        values = np.frombuffer(self.take(size), "<f4").astype(np.float32)
        try:
            name.decode()
            values = values.reshape(shape)
        except UnicodeDecodeError as error:
            raise _corrupt(self._data, "a name is not UTF-8") from error
        except ValueError as error:  # no values, in more dimensions than memory has
            raise _corrupt(self._data, f"an entry has shape {shape}") from error
        if not name or not np.isfinite(values).all():
            raise _corrupt(self._data, "an entry has no name, or values that are not finite")
        return (kind, name), values


def _place(key: str) -> tuple[int, bytes]:
    kind, _, name = key.partition("/")
    return KINDS.index(kind), name.encode()


def _sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", crc32c(body))


def _corrupt(data: bytes, why: str) -> CorruptData:
    return CorruptData(
        f"these {len(data)} bytes are no state of an encoder, as {why}; pass all that to_bytes() returned"
    )
