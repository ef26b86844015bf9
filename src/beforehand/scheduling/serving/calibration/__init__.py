"""Engine profiles from measured iterations."""

from beforehand.scheduling.serving.calibration.copies import CopyTimes, fit_copies
from beforehand.scheduling.serving.calibration.fit import fit_profile

__all__ = ["CopyTimes", "fit_copies", "fit_profile"]
