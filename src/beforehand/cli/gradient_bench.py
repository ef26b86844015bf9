"""What codecs do on recorded gradients, as rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from beforehand.gradients.buckets import Buckets
from beforehand.gradients.candidates import remembers, try_all
from beforehand.gradients.sample import Sample

if TYPE_CHECKING:
    from beforehand.core import Trace


class Row(NamedTuple):
    """One codec and what carries it.

    Args:
        codec: Its name.
        feedback: Whether what a round did not send is added to the next gradient.
        vnmse: Measured; with feedback, of the sum of all steps.
        expected: By theory; None where there is no closed form.
        up: Bytes that one worker sends in a step before the sums exist.
        down: Bytes that it sends of the sums.
        encode: Seconds in which it encodes.
        accumulate: In which it adds.
        decode: In which it decodes.
    """

    codec: str
    feedback: bool
    vnmse: float
    expected: float | None
    up: float
    down: float
    encode: float
    accumulate: float
    decode: float


def benched(trace: "Trace", workers: int, codecs: Sequence[Any] | None) -> tuple[list[Row], tuple[str, ...]]:
    """All that could be run, the casts first, and what could not, with the reason.

    Raises:
        InvalidInput: The trace holds no gradients of two workers.
    """
    sample = Sample.read(trace)
    buckets = Buckets(sample.layout, workers)
    found, refused = try_all(sample, buckets, codecs, aggregator=False)
    speeds = buckets.speeds(found)
    rows = []
    for way, errors in found.items():
        sent, computed = buckets.sent(*way), buckets.computed(*way, speeds)
        rows.append(
            Row(
                way.name,
                remembers(way.codec),
                errors.value,
                errors.closed_form,
                *(sum(part) for part in zip(*sent, strict=True)),
                *(sum(part) for part in zip(*computed, strict=True)),
            )
        )
    return rows, refused
