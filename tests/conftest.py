"""How hypothesis runs: timing is uneven when tests share the processor, so no example has a deadline."""

from hypothesis import settings

settings.register_profile("quick", deadline=None, max_examples=100)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("quick")
