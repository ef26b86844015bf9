"""Seeded workloads for tours, examples and studies."""
