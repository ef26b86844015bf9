"""The four nouns of every area: Trace, Predictor, Plan, Report."""
