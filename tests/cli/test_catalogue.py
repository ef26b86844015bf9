import json

import pytest

from beforehand.cli.app import run
from beforehand.systems import SYSTEMS


def test_systems_are_listed_for_people_and_machines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["systems"]) == 0
    shown = capsys.readouterr().out
    assert run(["systems", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == [system.name for system in SYSTEMS]
    for system in SYSTEMS:
        assert system.name in shown
        assert system.arxiv in shown
    assert shown.count("not built yet") == 8


@pytest.mark.parametrize("arguments", [[], ["QUIVER"], ["lamps"]])
def test_reproduce_says_that_studies_come_with_their_areas(capsys, arguments):
    assert run(["reproduce", *arguments]) == 0
    shown = capsys.readouterr().out
    assert "also QUIVER" in shown
    assert "studies come with their areas" in shown


def test_reproduce_of_an_unknown_name_shows_the_known_ones_and_is_code_2(capsys):
    assert run(["reproduce", "perpetuum"]) == 2
    shown = capsys.readouterr()
    assert "also QUIVER" in shown.out
    assert shown.err == "beforehand: NAME is 'perpetuum', but no system goes by it; take a name from the table above\n"
