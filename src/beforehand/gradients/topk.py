"""TopK: each worker sends its largest values, and where they stand."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Floats, Gather, Message
from beforehand.gradients.half import itemsize, narrowed, widened
from beforehand.gradients.inputs import one_of, real
from beforehand.gradients.layout import Layout
from beforehand.gradients.scheme import Exchanged, Opening, Outcome, Scheme, SchemeCodec
from beforehand.gradients.wire import WireBytes, gathered

Where = NDArray[np.int64]


@final
@dataclass(frozen=True, kw_only=True)
class TopK(SchemeCodec):
    """Send the largest values of each worker, with their places.

    Args:
        density: Share of coordinates that are sent, above 0 and at most 1; at least one is.
        value_dtype: `"float16"`, `"bfloat16"` or `"float32"`.
        index: `"int32"` for each place; `"auto"` sends one bit for each coordinate where that is shorter.
        both_ways: Keep only so many of the summed values too, as a server would that sends them back.
        feedback: `"full"` adds what was not sent to the next gradient; `"none"` loses it.

    Guarantee:
        All workers select by the bits of absolute values, and among equal ones the lower place: no library's order of
        ties enters. A result that is not finite is summed once more in float32.

    Cost:
        An all-gather: bytes grow with the number of workers, 6 density (n - 1) for each parameter with float16 and
        int32. See `TopKChunked` for sums.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import Layout, drive_local
        >>> gradients = np.array([[8, 0, 0, 1], [0, 0, 4, 1]], np.float32)
        >>> layout, codec = Layout([("weight", (4,))]), TopK(density=0.25)
        >>> encoders = [codec.open(layout, rank=rank, workers=2, reduction="gather") for rank in range(2)]
        >>> drive_local(encoders, gradients).means[0]
        array([4., 0., 2., 0.], dtype=float32)
        >>> drive_local(encoders, gradients).means[0]  # the ones still wait
        array([4., 0., 2., 0.], dtype=float32)
    """

    density: float = 0.01
    value_dtype: Literal["float16", "bfloat16", "float32"] = "float16"
    index: Literal["int32", "auto"] = "int32"
    both_ways: bool = False
    feedback: Literal["none", "full"] = "full"

    name: ClassVar[str] = "TopK"
    unbiased: ClassVar[bool] = False
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("gather",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        real("density", self.density)
        if not 0 < self.density <= 1:
            raise InvalidInput(f"density is {self.density}, but must be above 0 and at most 1")
        one_of("value_dtype", self.value_dtype, ("float16", "bfloat16", "float32"))
        one_of("index", self.index, ("int32", "auto"))
        one_of("both_ways", self.both_ways, (False, True))
        one_of("feedback", self.feedback, ("none", "full"))

    def kept(self, size: int) -> int:
        """How many of so many coordinates are sent."""
        return max(1, round(self.density * size))

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("gather",))
        return gathered(self._nbytes(layout.size), workers)

    def _nbytes(self, size: int) -> int:
        places = -(-size // 8) if self._bitmap(size) else 4 * self.kept(size)
        return itemsize(self.value_dtype) * self.kept(size) + places

    def _bitmap(self, size: int) -> bool:
        return self.index == "auto" and 32 * self.kept(size) > size

    def _pack(self, values: NDArray[Any], where: Where, size: int) -> Message:
        if self._bitmap(size):
            marked = np.zeros(size, np.bool_)
            marked[where] = True
            places = np.packbits(marked, bitorder="little")
        else:
            places = where.astype("<i4").view(np.uint8)
        return np.concatenate([values.view(np.uint8), places])

    def _unpack(self, message: Message, size: int) -> tuple[Floats, Where]:
        k = self.kept(size)
        split = itemsize(self.value_dtype) * k
        dtype = np.uint16 if self.value_dtype == "bfloat16" else np.dtype(self.value_dtype)
        values = widened(message[:split].copy().view(dtype), self.value_dtype)
        if self._bitmap(size):
            where = np.flatnonzero(np.unpackbits(message[split:], count=size, bitorder="little"))
        else:
            where = message[split:].copy().view("<i4").astype(np.int64)
        if len(where) != k or (k and not 0 <= where.min() <= where.max() < size):
            raise CorruptData(f"a worker's message names places outside of {size} coordinates; pass messages unchanged")
        return values, where

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        size = layout.size
        if size >= 2**31:
            raise CapacityExceeded(f"the bucket has {size} coordinates, but places are int32; take smaller buckets")

        def gather(x: Floats, step: int) -> Exchanged:
            where = largest(x, self.kept(size))
            values = narrowed(x[where], self.value_dtype)
            messages = yield Gather(self._pack(values, where, size))
            total = np.zeros(size, np.float32)
            for message in messages:
                theirs, places = self._unpack(message, size)
                with np.errstate(invalid="ignore", over="ignore"):  # the round is repeated exactly then
                    total[places] += theirs
            if self.both_ways:
                kept = largest(total, self.kept(size))
                total = _placed(total[kept], kept, size)
            total /= np.float32(at.workers)

            def left(x: Floats) -> Floats:
                x[where] -= widened(values, self.value_dtype)
                return x

            return Outcome(total, left)

        return gather

    @property
    def _remembers(self) -> bool:
        return self.feedback == "full"


def largest(x: Floats, k: int) -> Where:
    """The places of the k values with the largest absolute bits, ascending; of equal ones the first."""
    bits = x.view(np.uint32) & np.uint32(0x7FFFFFFF)
    least = np.partition(bits, len(bits) - k)[len(bits) - k]
    above = np.flatnonzero(bits > least)
    equal = np.flatnonzero(bits == least)[: k - len(above)]
    return np.sort(np.concatenate([above, equal]))


def _placed(values: Floats, where: Where, size: int) -> Floats:
    out = np.zeros(size, np.float32)
    out[where] = values
    return out
