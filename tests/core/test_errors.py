"""One tree of exceptions, each also the built-in that callers would expect."""

import inspect

import pytest

from beforehand.core import errors
from beforehand.quantization import Codes

BUILT_IN = {
    "InvalidInput": ValueError,
    "CapacityExceeded": OverflowError,
    "CorruptData": ValueError,
    "StaleData": ValueError,
    "StorageError": OSError,
    "MissingDependency": ImportError,
    "TimedOut": TimeoutError,
    "Closed": RuntimeError,
}
CLASSES = dict(inspect.getmembers(errors, inspect.isclass))


def test_the_exceptions_are_these():
    assert sorted(CLASSES) == sorted([*BUILT_IN, "BeforehandError"])


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_is_caught_as_its_built_in_and_as_ours_and_stands_in_the_tree(name):
    for expected in (BUILT_IN[name], errors.BeforehandError):
        with pytest.raises(expected, match="what happened"):
            raise CLASSES[name]("what happened")
    assert f"{name} " in errors.__doc__
    assert BUILT_IN[name].__name__ in next(line for line in errors.__doc__.splitlines() if f" {name} " in line)


def test_native_code_raises_the_same_classes():
    with pytest.raises(errors.CorruptData):
        Codes.from_bytes(b"")
