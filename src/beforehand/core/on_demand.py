"""Public names of a package whose modules are imported when somebody asks for one of them."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names_on_demand(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package that imports some of its modules on demand.

    Args:
        package: Its `__name__`.
        modules: For each such module, as a path from the package, the names that it gives, with spaces between them.
    """
    places = {name: f"{package}.{module}" for module, names in modules.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(places[name]), name)
        setattr(sys.modules[package], name, found)  # who asks next finds it there
        return found

    return find
