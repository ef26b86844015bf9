"""The baselines: a plain sum, in float32 or in 16 bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Floats, Sum
from beforehand.gradients.half import itemsize, narrowed, widened
from beforehand.gradients.inputs import one_of
from beforehand.gradients.layout import Layout
from beforehand.gradients.scheme import Exchanged, Opening, Outcome, Scheme, SchemeCodec, exact_mean
from beforehand.gradients.wire import WireBytes, summed


@final
@dataclass(frozen=True)
class Cast(SchemeCodec):
    """Sum gradients as they are, or rounded to 16 bits: what every other codec must beat.

    Args:
        dtype: `"float32"`, `"float16"` or `"bfloat16"`. In 16 bits, values are divided by the number of workers before
            they are rounded, so that sums do not overflow.

    Guarantee:
        A result that 16 bits cannot hold is summed once more in float32. float16 keeps 11 bits down to 6e-5, and drops
        values below 3e-8: scale losses as for any training in float16.

    Cost:
        4 or 2 bytes for each parameter in each half of an all-reduce.

    Raises:
        InvalidInput: `dtype` is another one.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import Layout, drive_local
        >>> gradients = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)
        >>> layout = Layout([("weight", (2,))])
        >>> encoders = [Cast("bfloat16").open(layout, rank=rank, workers=2, reduction="sum") for rank in range(2)]
        >>> drive_local(encoders, gradients).means[0]
        array([2. , 3.5], dtype=float32)
    """

    dtype: Literal["float32", "float16", "bfloat16"] = "float16"

    name: ClassVar[str] = "Cast"
    unbiased: ClassVar[bool] = False
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("sum",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("dtype", self.dtype, ("float32", "float16", "bfloat16"))

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("allreduce",))
        return summed(itemsize(self.dtype) * layout.size, workers)

    def expected_vnmse(
        self, workers: int, *, correlation: float, norms: Sequence[float] | None = None, fill: float = 1.0
    ) -> float | None:
        """0 for float32; in 16 bits None, as it depends on how many values are too small."""
        return 0.0 if self.dtype == "float32" else None

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        def plain(x: Floats, step: int) -> Exchanged:
            mean = yield from exact_mean(x, at.workers)
            return Outcome(mean)

        def half(x: Floats, step: int) -> Exchanged:
            total = yield Sum(narrowed(x, self.dtype, at.workers))
            return Outcome(widened(total, self.dtype))

        return plain if self.dtype == "float32" else half

    @property
    def _remembers(self) -> bool:
        return False
