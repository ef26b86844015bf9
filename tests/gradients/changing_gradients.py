"""Every codec at work on gradients, and on messages, that somebody else keeps changing: run as a program.

`python -m tests.gradients.changing_gradients DTYPE WRITER SECONDS`; float32 changes gradients, uint8 messages. See
tests/quantization/changing_arrays.py.
"""

import faulthandler
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from beforehand import _native
from beforehand.core.errors import CorruptData
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Cast,
    EncoderState,
    Layout,
    LowRank,
    TernGrad,
    TopK,
    TopKChunked,
    drive_local,
    thc_table,
)
from beforehand.gradients.lanes import LANES
from tests.quantization.changing_arrays import main

CODECS = (
    THC(),
    THC(bits=3, feedback="full"),
    THC(bits="lane"),
    Cast("float16"),
    Cast("bfloat16"),
    TopKChunked(),
    TopK(index="auto", density=0.1),
    LowRank(start_step=0),
    BlockInt(),
    BlockInt(bits=4, block=32, rounding="stochastic"),
    BlockFloat8(),
    QSGD(),
    Adaptive(),
    TernGrad(),
)


def rounds(x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """A round of every codec on a gradient that changes."""
    size = len(x)
    layout = Layout([("weight", (256, size // 256))])

    def of(codec: Any, reduction: str) -> Callable[[], None]:
        encoders = [codec.open(layout, rank=rank, workers=2, reduction=reduction, threads=2) for rank in range(2)]

        def run() -> None:
            for mean in drive_local(encoders, [x, x]).means:
                assert mean.shape == (size,)

        return run

    made = {f"{codec}, {reduction}": of(codec, reduction) for codec in CODECS for reduction in codec.reductions}
    return made | {"squares": lambda: _native.sum_of_squares(x)}


def messages(message: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Whatever reads a message, on one that changes."""
    size = len(message)
    points, sums = np.array(thc_table(4, 30, 1 / 32).values, np.uint16), np.zeros(2 * size, np.uint16)
    floats = np.zeros(size, np.float32)

    def blocks(kind: Any, block: int) -> Callable[[], None]:
        form = _native.BlockFormat(kind, block)
        count = size // form.message_bytes(block)
        total = np.zeros(count * block, np.float32)
        part = message[: form.message_bytes(len(total))]
        return lambda: _native.block_accumulate(part, form, first=False, threads=2, total=total)

    def lanes(width: int) -> Callable[[], None]:
        form = LANES[width]
        values = (size // np.dtype(form.container).itemsize) * form.each

        def run() -> None:
            assert form.unpack(message.view(form.container), values).max() < 2**width

        return run

    def state() -> None:
        try:
            EncoderState.from_bytes(memoryview(message))
        except CorruptData:
            return

    kinds = _native.BlockCode
    return {
        "codes": lambda: _native.thc_accumulate(message, points, bits=4, first=False, sums=sums),
        "points": lambda: _native.thc_accumulate(message, message.view(np.uint16)[:16], bits=4, first=True, sums=sums),
        "decode": lambda: _native.decode_lanes(message, 0.5, 1.0, floats),
        "halves": lambda: _native.widen(message.view(np.uint16), _native.Half.float16, 1.0, floats[: size // 2]),
        "state": state,
    } | {
        f"blocks, {kind}": blocks(kind, block)
        for kind, block in ((kinds.int8, 256), (kinds.int4, 32), (kinds.e4m3, 256), (kinds.e5m2, 64))
    } | {f"lanes of {width}": lanes(width) for width in LANES if width != 8}  # fmt: skip


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), rounds if sys.argv[1] == "float32" else messages)
