"""`_native.pyi` is what nanobind says today; `make stub` writes it anew."""

import enum
import subprocess
import sys
from pathlib import Path

import beforehand
from beforehand import _native, gradients, quantization, scheduling, streams

GOLDEN = Path(beforehand.__file__).with_name("_native.pyi")


def test_the_stub_is_that_of_the_built_module(tmp_path):
    fresh = tmp_path / "_native.pyi"
    subprocess.run([sys.executable, Path(__file__).parents[1] / ".ci/stub", fresh], check=True)
    assert fresh.read_text() == GOLDEN.read_text()


def test_no_module_keeps_a_native_object():
    """At the end of a program that keeps modules alive, nanobind would report it as leaked."""
    areas = {area.__name__ for area in (gradients, quantization, scheduling, streams)}
    modules = [module for name, module in sys.modules.items() if ".".join(name.split(".")[:2]) in areas]
    kept = [
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if type(value).__module__.startswith(_native.__name__) and not isinstance(value, enum.Enum)
    ]
    assert kept == []
