"""A small language model that is trained here, on a language whose law of lengths is known."""
