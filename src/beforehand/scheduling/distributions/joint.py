"""Job sizes together with the predictions made of them."""

from dataclasses import dataclass
from typing import final

from beforehand.scheduling.distributions.prediction_errors import PredictionError
from beforehand.scheduling.distributions.sizes import SizeLaw
from beforehand.scheduling.inputs import kind_of


@final
@dataclass(frozen=True, slots=True)
class Joint:
    """Sizes, and two predictions of each, independent of one another given the size.

    Args:
        size: The law of sizes.
        expensive: How the expensive prediction errs; None if there is none.
        cheap: How the cheap one does.

    Example:
        >>> from beforehand.scheduling import ExactError, Exponential, ExponentialError, SkipPredict, expect
        >>> law = Joint(Exponential(), expensive=ExactError(), cheap=ExponentialError())
        >>> round(expect(SkipPredict(1.0), law, load=0.8).response_time, 6)
        2.792271
    """

    size: SizeLaw
    expensive: PredictionError | None = None
    cheap: PredictionError | None = None

    def __post_init__(self) -> None:
        """Refuse what are no laws."""
        kind_of("size", self.size, SizeLaw, "one such as Exponential(2.0), or a Log in place of the Joint")
        for name, error in (("expensive", self.expensive), ("cheap", self.cheap)):
            if error is not None:
                kind_of(name, error, PredictionError, "one such as ExponentialError()")

    @property
    def mean(self) -> float:
        """The mean size."""
        return self.size.mean

    def moment(self, k: int) -> float:
        """The mean of the k-th power of the size."""
        return self.size.moment(k)
