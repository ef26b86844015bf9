"""How hypothesis runs: `quick`, or what HYPOTHESIS_PROFILE says; no deadline, as tests share the processor.

A test of a module that imports `_native`, or that does so itself, gets the mark `native`; others that reach native code
through such a module can carry it in their file.
"""

import os

from hypothesis import settings

from tests.native_tests import reaches_native

settings.register_profile("few", max_examples=10, deadline=None)
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(items):
    for item in items:
        if reaches_native(item.path):
            item.add_marker("native")
