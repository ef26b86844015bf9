from pathlib import Path

import pytest

from beforehand.reporting import Sheet
from beforehand.studies import STUDIES
from beforehand.studies.claims import Claim, Found, NotRun, Study, judge, page
from beforehand.systems import SYSTEMS

PAGES = Path(__file__).parents[2] / "docs" / "studies"
CLAIM = Claim(says="It is fast.", source="abstract", requires="one second | less")


def study(*found):
    findings = [judge(CLAIM, one) for one in found]
    sheet = Sheet(title="Figures", columns=["data", "s = 4"], rows=[["Normal", ".849"]], below="All of them.")
    return Study(
        name="AVQ", paper="A paper.", command="beforehand reproduce avq", findings=findings, sheets=[sheet], seconds=3.2
    )


@pytest.mark.parametrize(
    ("holds", "direction", "verdict"),
    [
        (True, True, "reproduced"),
        (True, False, "reproduced"),
        (False, True, "direction only"),
        (False, False, "not reproduced"),
    ],
)
def test_the_verdict_follows_from_what_was_required_and_what_was_found(holds, direction, verdict):
    finding = judge(CLAIM, Found(scale="2^4", figure="2 s", holds=holds, direction=direction))
    assert (finding.verdict, finding.says, finding.figure) == (verdict, CLAIM.says, "2 s")


def test_the_summary_counts_the_verdicts_that_occur():
    found = [Found(scale="", figure="", holds=holds) for holds in (True, False, True)]
    assert study(*found).summary == "of 3 claims 2 reproduced, 1 not reproduced"


def test_what_was_not_run_says_why_and_is_counted():
    made = study(Found(scale="2^4", figure="2 s", holds=True), NotRun("needs root"))
    assert (made.findings[1].verdict, made.findings[1].figure) == ("not run", "needs root")
    assert made.summary == "of 2 claims 1 reproduced, 1 not run"
    assert "| - | needs root | *not run* |" in page(made)


def test_a_study_comes_back_from_json():
    made = study(Found(scale="2^4", figure="2 s", holds=True))
    assert Study.from_json(made.to_json()) == made


def test_the_page_shows_every_claim_every_sheet_and_the_command():
    shown = page(study(Found(scale="2^4", figure="2 s", holds=False)))
    assert "| It is fast. | abstract | one second \\| less | 2^4 | 2 s | *not reproduced* |" in shown
    assert "## Figures" in shown
    assert "| Normal | .849 |" in shown
    assert "`beforehand reproduce avq`" in shown


def recorded(name):
    """The page of a study, and the result that it shows."""
    path = PAGES / f"{STUDIES[name].rpartition('.')[2]}.json"
    return path.with_suffix(".md"), Study.from_json(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", STUDIES)
def test_the_documentation_has_the_page_of_its_result(name):
    shown, result = recorded(name)
    assert result.name == name
    assert shown.read_text(encoding="utf-8") == page(result), "make pages writes it anew"


@pytest.mark.parametrize("name", STUDIES)
def test_the_list_of_systems_says_what_the_result_says(name):
    _, result = recorded(name)
    system = next(system for system in SYSTEMS if system.name == name)
    assert system.study == result.summary
