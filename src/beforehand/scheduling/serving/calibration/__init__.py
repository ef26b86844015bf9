"""Engine profiles from measured iterations."""

from beforehand.scheduling.serving.calibration.fit import fit_profile

__all__ = ["fit_profile"]
