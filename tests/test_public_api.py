"""What else a user may rely on: the errors, and the version. The names stand in test_reference.py."""

import importlib
import re

import beforehand


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", beforehand.__version__)
