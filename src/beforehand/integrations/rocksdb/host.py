"""The extension that knows RocksDB, which only those have who built it."""

from importlib import import_module
from typing import Any

from beforehand.core.errors import MissingDependency


def extension() -> Any:
    """`beforehand._rocksdb`.

    Raises:
        MissingDependency: It was not built, or finds no RocksDB.
    """
    try:
        return import_module("beforehand._rocksdb")
    except ImportError as error:
        raise MissingDependency(
            "beforehand was built without RocksDB: install librocksdb-dev, then reinstall from source with "
            f"BEFOREHAND_ROCKSDB=ON ({error})"
        ) from error
