import json

import pytest

from beforehand.cli.app import run
from beforehand.reporting import Sheet
from beforehand.studies import STUDIES, avq
from beforehand.studies.claims import Claim, Found, Study, judge
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
    missing = [system for system in SYSTEMS if system.part or not system.imported]
    assert " ".join(shown.split()).count("not built yet") == len(missing)


@pytest.fixture
def study(monkeypatch):
    """A study that takes no time, in place of the real one."""
    claim = Claim(says="It is fast.", source="abstract", requires="a second")
    finding = judge(claim, Found(scale="2^4", figure="two seconds", holds=False, direction=True))
    sheet = Sheet(title="Figures", columns=["data"], rows=[["[0,1]"]], below="All.")
    made = Study(name="AVQ", paper="", command="", findings=[finding], sheets=[sheet], seconds=1.0)
    asked = []

    def run(*, quick, begin):
        asked.append(quick)
        begin("it")
        return made

    monkeypatch.setattr(avq, "run", run)
    return made, asked


@pytest.mark.parametrize("name", ["avq", "QUIVER", "A_V-Q"])
def test_reproduce_shows_claims_with_verdicts_and_figures(capsys, monkeypatch, study, name):
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["reproduce", name, "--quick"]) == 0
    shown = capsys.readouterr().out
    for words in ("It is fast.", "two seconds", "direction only", "Figures", "[0,1]", "of 1 claims 1 direction only"):
        assert words in shown
    assert study[1] == [True]


def test_reproduce_prints_json_at_full_scale(capsys, study):
    assert run(["reproduce", "avq", "--json"]) == 0
    assert Study.from_json(capsys.readouterr().out) == study[0]
    assert study[1] == [False]


def test_data_for_a_study_that_takes_none_is_code_2(capsys, study, tmp_path):
    assert run(["reproduce", "avq", "--data", str(tmp_path)]) == 2
    assert f"data is '{tmp_path}', but the study of AVQ generates its data; leave it out" in capsys.readouterr().err
    assert study[1] == []


def test_reproduce_without_a_name_shows_the_systems_and_every_one_has_a_study(capsys):
    assert run(["reproduce"]) == 0
    assert "also QUIVER" in capsys.readouterr().out
    assert STUDIES.keys() == {system.name for system in SYSTEMS}


def test_reproduce_of_an_unknown_name_shows_the_known_ones_and_is_code_2(capsys):
    assert run(["reproduce", "perpetuum"]) == 2
    shown = capsys.readouterr()
    assert "also QUIVER" in shown.out
    assert shown.err == "beforehand: NAME is 'perpetuum', but no system has that name; take one from the table above\n"
