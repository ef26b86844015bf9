"""A reduce-scatter under a codec: each worker sends every other one its row, and keeps the mean of its own.

Where parameters are sharded, nobody needs the mean of another's row: nothing travels back, and nothing is coded twice.
"""

from functools import partial

from beforehand.core.errors import InvalidInput
from beforehand.gradients.block_float8 import BlockFloat8
from beforehand.gradients.block_int import BlockInt
from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec
from beforehand.gradients.layout import split_power_of_two
from beforehand.gradients.rows import BlockRows, CastRows, Rows
from beforehand.gradients.thc import THC
from beforehand.gradients.thc_pieces import Pieces
from beforehand.gradients.thc_rows import THCRows, repeated


def open_rows(
    codec: Codec, length: int, *, rank: int, workers: int, bucket: int = 0, threads: int = 1, draws: int | None = None
) -> Rows:
    """One worker's end of the reduce-scatter of one bucket.

    Args:
        codec: Cast, THC, BlockInt or BlockFloat8, without feedback.
        length: Coordinates of a row.
        rank: Of this worker, which is also its row.
        workers: How many there are.
        bucket: Number of this bucket, below 4,096.
        threads: For the transforms of THC and for blocks; results do not depend on it.
        draws: Number of this worker's random draws; None is its rank. Where several groups reduce and their means are
            then averaged, it must differ in all of them, or rounding errors do not average out.

    Raises:
        InvalidInput: This codec cannot scatter what it reduces.
        CapacityExceeded: The sums do not fit the lanes of the codec; the bucket has too many pieces.

    Example:
        Two workers, of which each keeps the mean of its row:

        >>> import numpy as np
        >>> gradients = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], np.float32)  # worker, row, coordinate
        >>> workers = [open_rows(Cast("bfloat16"), 2, rank=rank, workers=2) for rank in range(2)]
        >>> rounds = [one.reduce(rows) for one, rows in zip(workers, gradients)]
        >>> messages = np.stack([next(each).messages for each in rounds])
        >>> for rank, each in enumerate(rounds):
        ...     try:
        ...         each.send(messages[:, rank].copy())
        ...     except StopIteration as done:
        ...         print(done.value)
        [3. 4.]
        [5. 6.]
    """
    check_rows(codec)
    own = rank if draws is None else draws
    if isinstance(codec, THC):
        tables = codec.tables(workers)
        cut = split_power_of_two(length)
        pieces = Pieces(repeated(cut, workers), tables, seed=codec.seed, rank=own, bucket=bucket, threads=threads)
        return THCRows(length, tables, pieces, rank=rank, workers=workers)
    if isinstance(codec, BlockInt):
        at = partial(codec.rounding_at, rank=own, bucket=bucket)
        return BlockRows(length, lambda step: at(step)._replace(threads=threads), workers=workers)
    if isinstance(codec, BlockFloat8):
        always = codec.always._replace(threads=threads)
        return BlockRows(length, lambda step: always, workers=workers)
    assert isinstance(codec, Cast)
    return CastRows(length, codec.dtype)


def check_rows(codec: Codec) -> None:
    """Raise unless the codec can scatter what it reduces.

    Raises:
        InvalidInput: It cannot.
    """
    if not isinstance(codec, Cast | THC | BlockInt | BlockFloat8):
        raise InvalidInput(
            f"codec is {codec.name}, but a reduce-scatter takes THC, BlockInt, BlockFloat8 or Cast, which code each "
            "row for its owner alone"
        )
    if isinstance(codec, THC) and codec.bits == "lane":
        raise InvalidInput(
            "bits is 'lane', but a reduce-scatter sends codes, and no sums for which lanes would pay; take bits=4"
        )
    if not isinstance(codec, Cast) and codec.feedback != "none":
        raise InvalidInput(
            f"feedback is {codec.feedback!r}, but a reduce-scatter takes 'none': what was not sent is as long as the "
            "whole gradient, which sharded workers do not hold"
        )
