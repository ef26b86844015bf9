"""What a little knowledge beforehand is worth."""

from importlib.metadata import version

__version__ = version("beforehand")
__all__ = ["__version__"]
