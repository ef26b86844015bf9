"""What a little knowledge beforehand is worth."""

import logging
from importlib.metadata import version

__version__ = version("beforehand")
__all__ = ["__version__"]

logging.getLogger("beforehand").addHandler(logging.NullHandler())
