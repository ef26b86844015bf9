"""Job sizes together with the predictions made of them."""

from dataclasses import dataclass
from typing import Any, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.prediction_errors import PredictionError
from beforehand.scheduling.distributions.sizes import SizeDistribution
from beforehand.scheduling.inputs import kind_of
from beforehand.scheduling.log import Log


@final
@dataclass(frozen=True, slots=True)
class JobDistribution:
    """Sizes, and two predictions of each, independent of one another given the size.

    Args:
        size: The distribution of sizes.
        expensive: How the expensive prediction errs; None if there is none.
        cheap: How the cheap one does.

    Example:
        >>> from beforehand.scheduling import ExactError, Exponential, ExponentialError, SkipPredict, expect
        >>> jobs = JobDistribution(Exponential(), expensive=ExactError(), cheap=ExponentialError())
        >>> round(expect(SkipPredict(1.0), jobs, load=0.8).response_time, 6)
        2.792271
    """

    size: SizeDistribution
    expensive: PredictionError | None = None
    cheap: PredictionError | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        kind_of(
            "size", self.size, SizeDistribution, "one such as Exponential(2.0), or a Log in place of a JobDistribution"
        )
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


Distribution = JobDistribution | Log


def checked_distribution(distribution: Any) -> Distribution:
    """The distribution itself.

    Raises:
        InvalidInput: it is neither a `JobDistribution` nor a `Log`.
    """
    if not isinstance(distribution, JobDistribution | Log):
        raise InvalidInput(
            f"distribution is {distribution!r}, but must be a JobDistribution, or a Log of finished jobs"
        )
    return distribution
