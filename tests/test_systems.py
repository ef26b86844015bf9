import importlib
import re
import shlex
from pathlib import Path

import pytest

from beforehand.cli.app import run
from beforehand.systems import SYSTEMS, page

BUILT = [system for system in SYSTEMS if system.imported]


def test_there_are_nine_systems_with_names_of_their_own():
    names = [name.lower() for system in SYSTEMS for name in (system.name, *system.also)]
    assert len(SYSTEMS) == 9
    assert len(names) == len(set(names))
    assert {"quiver", "mars", "lwcss"} <= set(names)
    assert all(re.fullmatch(r"\d{4}\.\d{5}", system.arxiv) for system in SYSTEMS)


@pytest.mark.parametrize("system", BUILT, ids=lambda system: system.name)
def test_what_is_said_to_be_importable_is(system):
    module, name = re.fullmatch(r"from (\S+) import (\w+)", system.imported).groups()
    assert module == f"beforehand.{system.area}"
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("system", BUILT, ids=lambda system: system.name)
def test_what_is_said_to_be_a_command_is(system, capsys):
    program, *arguments = shlex.split(system.command)
    assert program == "beforehand"
    assert run([*arguments, "--help"]) == 0
    assert system.command in capsys.readouterr().out


def test_the_documentation_has_this_page():
    written = (Path(__file__).parent.parent / "docs" / "systems.md").read_text()
    assert written == page(), "python -m beforehand.systems > docs/systems.md"


def test_the_page_has_a_row_for_each_system_and_promises_nothing():
    rows = [line for line in page().splitlines() if "arxiv.org" in line]
    assert len(rows) == 9
    for system, row in zip(SYSTEMS, rows, strict=True):
        assert row.startswith(f"| {system.name} |")
        assert row.count("not built yet") == (0 if system.imported and not system.part else 1)
        assert row.count("|") == 8


def test_a_system_of_which_a_part_is_built_says_which_and_what_is_missing(capsys):
    assert run(["systems"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for system in SYSTEMS:
        if system.part:
            assert system.imported
            assert "not built yet" in system.part
            assert system.part.split(";")[0] in shown
