"""The version that a user may rely on. The names stand in test_reference.py, the errors in core/test_errors.py."""

import re

import beforehand


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", beforehand.__version__)
