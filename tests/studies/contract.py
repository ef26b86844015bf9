"""What every study keeps at the scale of a test, said once; the test of each study asks for it."""

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from beforehand.studies.claims import Claim, Finding, Study


class Quick(NamedTuple):
    """A study that ran at its small scale, and the steps that it announced."""

    study: Study
    begun: list[str]

    def finding(self, words: str) -> Finding:
        """The one whose claim begins with these words."""
        found = [each for each in self.study.findings if each.says.startswith(words)]
        assert len(found) == 1, f"{len(found)} claims begin with {words!r}"
        return found[0]


def run(module: ModuleType) -> Quick:
    """Run a study as a test can afford it."""
    begun: list[str] = []
    return Quick(module.run(quick=True, begin=begun.append), begun)


def check(ran: Quick, module: ModuleType, claims: Sequence[Claim], *, name: str) -> None:
    """Every claim has a verdict and a figure, every row a cell for each column; steps and command are as announced.

    Args:
        ran: What `run` returned.
        module: The study.
        claims: Its claims, in the order of its findings.
        name: What `beforehand reproduce` calls it.
    """
    study = ran.study
    assert len(ran.begun) == module.steps(quick=True)
    assert [finding.says for finding in study.findings] == [claim.says for claim in claims]
    for finding in study.findings:
        assert finding.figure, finding
        assert finding.scale, finding
        assert finding.requires, finding
    assert study.command == f"beforehand reproduce {name} --quick"
    assert Study.from_json(study.to_json()) == study
    for sheet in study.sheets:
        assert sheet.rows, sheet.title
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}, sheet.title
