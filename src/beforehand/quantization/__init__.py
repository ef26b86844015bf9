"""Fewer bytes for an array of numbers, at the smallest error those bytes allow."""
