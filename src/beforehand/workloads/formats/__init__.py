"""Public formats, one module each, as traces."""
