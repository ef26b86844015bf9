"""TopK-Chunked: all workers send the same chunks, those with the largest energy, so that a plain sum adds them."""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.block_shards import padded
from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Floats, Sum
from beforehand.gradients.half import narrowed, widened
from beforehand.gradients.inputs import one_of, real
from beforehand.gradients.layout import Layout
from beforehand.gradients.scheme import Exchanged, Opening, Outcome, Scheme, SchemeCodec
from beforehand.gradients.wire import WireBytes, summed

CHUNKS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


@final
@dataclass(frozen=True, kw_only=True)
class TopKChunked(SchemeCodec):
    """Agree on the chunks with the largest energy over all workers, and sum only those.

    Args:
        bits_per_coordinate: Of both sums together, in one direction, above 16 / chunk and at most 16 + 16 / chunk.
        chunk: Coordinates of a chunk, a power of two from 16 to 4,096. None takes 128 below one bit for each
            coordinate, else 64.
        value_dtype: `"float16"` or `"bfloat16"`; values are divided by the number of workers before they are rounded.
        feedback: `"full"` adds what was not sent to the next gradient; `"none"` loses it.

    Guarantee:
        All workers select by the bits of the summed energies, and among equal ones the first chunk: no library's order
        of ties enters. A result that is not finite is summed once more in float32.

    Cost:
        Two all-reduces, whose bytes do not grow with the number of workers. It pays where large values lie together, as
        those of a layer do, and loses to `TopK` where they do not.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> codec = TopKChunked(bits_per_coordinate=2)
        >>> codec.chunk_length, codec.selected(2**20)  # of 16,384 chunks
        (64, 1792)

    Reference:
        Han et al.: Beyond Throughput and Compression Ratios: Towards High End-to-end Utility of Gradient Compression.
        HotNets 2024, arXiv:2407.01378.
    """

    bits_per_coordinate: float = 2.0
    chunk: int | None = None
    value_dtype: Literal["float16", "bfloat16"] = "float16"
    feedback: Literal["none", "full"] = "full"

    name: ClassVar[str] = "TopKChunked"
    unbiased: ClassVar[bool] = False
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("sum",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("chunk", self.chunk, (None, *CHUNKS))
        one_of("value_dtype", self.value_dtype, ("float16", "bfloat16"))
        one_of("feedback", self.feedback, ("none", "full"))
        real("bits_per_coordinate", self.bits_per_coordinate)
        energies = 16 / self.chunk_length
        if not energies < self.bits_per_coordinate <= 16 + energies:
            raise InvalidInput(
                f"bits_per_coordinate is {self.bits_per_coordinate}, but must be above {energies}, which the energies "
                f"of chunks of {self.chunk_length} take, and at most {16 + energies}"
            )

    @property
    def chunk_length(self) -> int:
        """Coordinates of a chunk."""
        return self.chunk or (128 if self.bits_per_coordinate < 1 else 64)

    def selected(self, size: int) -> int:
        """How many chunks of a bucket of this size are sent."""
        chunk = self.chunk_length
        room = int((self.bits_per_coordinate - 16 / chunk) * size / (16 * chunk))
        return min(max(room, 1), -(-size // chunk))

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("allreduce",))
        chunks = -(-layout.size // self.chunk_length)
        values = self.selected(layout.size) * self.chunk_length
        return summed(2 * chunks, workers).plus(summed(2 * values, workers))

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        size, chunk = layout.size, self.chunk_length
        count, selected = -(-size // chunk), self.selected(size)

        def select(x: Floats, step: int) -> Exchanged:
            rows = padded(x, chunk).reshape(count, chunk)
            energies = np.empty(count, np.float32)
            _native.chunk_energies(rows.reshape(-1), energies)
            totals = yield Sum(narrowed(energies, "bfloat16"))
            chosen = largest_chunks(totals.view(np.uint16), selected)
            values = narrowed(rows[chosen], self.value_dtype, at.workers).reshape(-1)
            sums = yield Sum(values)

            mean = np.zeros((count, chunk), np.float32)
            mean[chosen] = widened(sums, self.value_dtype).reshape(-1, chunk)

            def left(x: Floats) -> Floats:
                rest = padded(x, chunk).reshape(count, chunk)
                rest[chosen] -= widened(values, self.value_dtype, at.workers).reshape(-1, chunk)
                return rest.reshape(-1)[:size]

            return Outcome(mean.reshape(-1)[:size], left)

        return select

    @property
    def _remembers(self) -> bool:
        return self.feedback == "full"


def largest_chunks(energies: NDArray[np.uint16], count: int) -> NDArray[np.int64]:
    """The numbers of the `count` chunks with the largest bits of a bfloat16, ascending; of equal ones the first."""
    at_least = np.bincount(energies, minlength=2**16)[::-1].cumsum()  # of 2**16 - 1 - i and more
    least = 2**16 - 1 - int(np.searchsorted(at_least, count))
    above = np.flatnonzero(energies > least)
    equal = np.flatnonzero(energies == least)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))
