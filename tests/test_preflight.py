import os
import subprocess
import sys
from pathlib import Path

import pytest

PREFLIGHT = Path(__file__).parents[1] / ".ci" / "preflight"
NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def machine(tmp_path):
    """Run the preflight where only these programs exist; each is a line of shell."""

    def run(python=f'exec {sys.executable} "$@"', compiler="exit 0", apt=True):
        programs = {"python": python, "compiler": compiler} | ({"apt-get": "exit 0"} if apt else {})
        for name, line in programs.items():
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{line}\n")
            path.chmod(0o755)
        environment = {**os.environ, "PATH": str(tmp_path)}
        command = ["/bin/sh", PREFLIGHT, "python", "compiler"]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


def python_that(**answers):
    """This Python, but for the questions that hold one of the words."""
    cases = "".join(f"*{word}*) {answer};; " for word, answer in answers.items())
    return f'case "$2" in {cases}*) exec {sys.executable} "$@";; esac'


def test_a_complete_machine_hears_nothing(machine):
    result = machine()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_compiler_without_cpp20_is_named_with_its_package(machine):
    result = machine(compiler="exit 1")
    assert result.returncode == 1
    assert "a C++20 compiler ('compiler' is none)" in result.stderr
    assert "  apt-get install g++\n" in result.stderr


def test_all_that_is_missing_is_named_in_one_line(machine):
    result = machine(python=python_that(ensurepip="exit 1", include="echo /no/include"), compiler="exit 1")
    assert result.returncode == 1
    assert f"  apt-get install g++ {NAME}-dev {NAME}-venv\n" in result.stderr


def test_missing_headers_are_named_with_their_place(machine):
    result = machine(python=python_that(include="echo /no/include"))
    assert "missing to build beforehand: Python.h in /no/include\n" in result.stderr
    assert f"  apt-get install {NAME}-dev\n" in result.stderr


def test_without_apt_the_remedy_is_a_sentence(machine):
    result = machine(compiler="exit 1", apt=False)
    assert result.returncode == 1
    assert "apt-get" not in result.stderr
    assert "install these with your system's package manager" in result.stderr


def test_an_old_python_is_refused_with_the_way_to_another(machine):
    result = machine(python=python_that(version_info="exit 1"))
    assert result.returncode == 1
    assert "needs Python 3.11 or newer, but 'python' is not: make PYTHON=" in result.stderr
