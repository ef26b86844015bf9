"""Read summaries and predictors, whatever they are."""

from typing import Any

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.streams.count_min import CountMin
from beforehand.streams.count_sketch import CountSketch
from beforehand.streams.frequency import PREDICTORS, predictor_from_bytes
from beforehand.streams.learned import LEARNED_KINDS, LearnedSpaceSaving
from beforehand.streams.learned_window import read_window
from beforehand.streams.space_saving import KINDS, SpaceSaving

MAGIC = b"\x89BHSS\r\n\x1a"
READERS: dict[int, Any] = {  # by kind, byte 10
    **dict.fromkeys(KINDS, SpaceSaving._read),
    **dict.fromkeys((8, 9), CountMin._read),
    10: CountSketch._read,
    **dict.fromkeys(PREDICTORS, predictor_from_bytes),
}

ASKING: dict[int, Any] = {  # those that ask a predictor
    **dict.fromkeys(LEARNED_KINDS, LearnedSpaceSaving._read),
    11: read_window,
}


def from_bytes(data: bytes, *, predictor: Any = None) -> Any:
    """Read what `to_bytes` of a summary or of a predictor wrote, by this version or an older one.

    Args:
        data: The bytes.
        predictor: For a summary that asks one: this instead of the one that was stored with it, if any was.

    Returns:
        What was written; it goes on as if nothing had happened.

    Raises:
        CorruptData: These bytes are neither, or were damaged.
        InvalidInput: `data` is not bytes; a predictor is missing, or is none of theirs.

    Example:
        >>> summary = SpaceSaving(capacity=2)
        >>> summary.update([7, 7, 8])
        >>> from_bytes(summary.to_bytes()).estimate(7)
        2.0
    """
    if not isinstance(data, bytes | bytearray | memoryview):  # bytes(n) would make n zeros
        raise InvalidInput(f"data is a {type(data).__name__}, but must be bytes; read them from the file")
    data = bytes(data)
    if data[:8] != MAGIC or len(data) < 80:
        raise CorruptData(f"these {len(data)} bytes are no summary or predictor; pass all that to_bytes() returned")
    if data[10] in ASKING:
        return ASKING[data[10]](data, predictor)
    if data[10] not in READERS:
        raise CorruptData(f"kind {data[10]} at byte 10 is none that this version knows; it was written by a newer one")
    if predictor is not None:
        raise InvalidInput("predictor is given, but these bytes hold nothing that asks one; leave it out")
    return READERS[data[10]](data)
