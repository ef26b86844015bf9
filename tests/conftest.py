"""How hypothesis runs: `quick`, or what HYPOTHESIS_PROFILE says; no deadline, as tests share the processor."""

import os

from hypothesis import settings

settings.register_profile("few", max_examples=10, deadline=None)
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
