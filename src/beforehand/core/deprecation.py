"""Old public names, which keep working for one release and say with a `FutureWarning` what they are called now."""

import functools
import sys
import warnings
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ParamSpec, TypeVar

from beforehand.core.errors import InvalidInput

P = ParamSpec("P")
R = TypeVar("R")


def warn_renamed(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warn the caller's caller that `old` is called `new` now."""
    warnings.warn(f"{old} is now called {new}; the old name goes with the next release", FutureWarning, stacklevel)


def renamed_arguments(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take arguments under their old names: `renamed_arguments(old="new")`.

    Example:
        >>> @renamed_arguments(s="n_levels")
        ... def levels(*, n_levels):
        ...     return n_levels
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     levels(s=16)
        16
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def renaming(*args: P.args, **kwargs: P.kwargs) -> R:
            for old in new_names.keys() & kwargs.keys():
                new = new_names[old]
                if new in kwargs:
                    raise InvalidInput(f"{old} and {new} are both given, but are one argument; pass {new}")
                warn_renamed(f"{old}=", f"{new}=")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renaming

    return decorate


def renamed_names(
    module: str, otherwise: Callable[[str], Any] | None = None, /, **new_names: str
) -> Callable[[str], Any]:
    """The `__getattr__` of a module that still finds old names: `__getattr__ = renamed_names(__name__, Old="New")`.

    A new name may be a path from the module, as in `Old="part.Old"` for a name that has moved. `otherwise` is the
    `__getattr__` for all other names, if the module has one.
    """

    def find(name: str) -> Any:
        if name not in new_names:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", f"{module}.{new_names[name]}")
        return attrgetter(new_names[name])(sys.modules[module])

    return find
