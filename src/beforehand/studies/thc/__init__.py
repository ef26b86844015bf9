"""THC (arXiv:2302.08545): what its claims come to here."""
