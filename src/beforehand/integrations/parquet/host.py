"""pyarrow and polars, imported when something needs them."""

from importlib import import_module  # pyarrow has no types
from typing import Any

from beforehand.core.errors import MissingDependency


def arrow(module: str = "pyarrow") -> Any:
    """pyarrow, or a module of it.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependency("Parquet files need pyarrow; pip install 'beforehand[parquet]'") from error


def polars() -> Any:
    """polars.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        return import_module("polars")
    except ImportError as error:
        raise MissingDependency("polars is not installed; pip install polars") from error
