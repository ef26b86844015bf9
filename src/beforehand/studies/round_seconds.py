"""The processor's time of a round of a codec."""

from beforehand.gradients import Layout, drive_local
from beforehand.gradients.codec import Codec
from beforehand.gradients.exchange import Floats
from beforehand.reporting import seconds


def round_seconds(codec: Codec, layout: Layout, x: Floats, *, workers: int = 2) -> float:
    """All that one worker computes in a round on this gradient, on one thread, with its share of adding."""
    reduction = codec.reductions[0]
    encoders = [codec.open(layout, rank=rank, workers=workers, reduction=reduction) for rank in range(workers)]
    return seconds(lambda: drive_local(encoders, [x] * workers), 5) / workers
