"""What published papers claim, checked against this library: a package for each; `beforehand reproduce` runs it."""

import inspect
from types import ModuleType

STUDIES = {  # by the system's name
    "AVQ": "beforehand.studies.avq",
    "Learned sliding window": "beforehand.studies.learned_window",
    "LAMPS": "beforehand.studies.lamps",
    "LSS": "beforehand.studies.lss",
    "Proteus": "beforehand.studies.proteus",
    "SkipPredict": "beforehand.studies.skip_predict",
    "THC": "beforehand.studies.thc",
    "TRAIL": "beforehand.studies.trail",
    "TopK-Chunked": "beforehand.studies.utility",
}


def takes_data(study: ModuleType) -> bool:
    """Whether a study can run on real data that the caller has."""
    return "data" in inspect.signature(study.run).parameters
