"""Orders, memory and predictions of `scheduling.serving` inside vLLM."""
