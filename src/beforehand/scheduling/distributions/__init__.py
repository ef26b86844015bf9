"""Distributions of job sizes and of prediction errors."""
