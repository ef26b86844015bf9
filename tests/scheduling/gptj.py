"""An engine in a state for which the memory-time formulas were worked out by hand."""

from dataclasses import replace

from beforehand.scheduling.serving import PROFILES, EngineView


def busy_gptj(**changes):
    """GPT-J on an A100, 128 requests that decode, 20,000 tokens in its cache; attention free."""
    free = replace(PROFILES["gptj-6b-a100-40g"], seconds_per_context_token=0.0)
    engine = EngineView(profile=free, **changes)
    engine.update(now=0.0, decoding=128, context_tokens=20_000)
    return engine
