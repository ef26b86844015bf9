"""A language model's engine, iteration by iteration, without the model."""
