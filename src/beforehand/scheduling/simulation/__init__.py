"""Policies run on random or recorded jobs."""
