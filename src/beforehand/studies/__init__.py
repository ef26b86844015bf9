"""What published papers claim, checked against this library: one module for each; `beforehand reproduce` runs it."""

STUDIES = {"AVQ": "beforehand.studies.avq"}  # by the system's name
