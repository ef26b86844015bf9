"""A paper's claims as data: what it says, what we require at our scale, what we measured, and the verdict.

`python -m beforehand.studies.claims RESULT.json` prints the page of the documentation.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Self, final

from beforehand.reporting import Sheet, conditions, markdown

Verdict = Literal["reproduced", "direction only", "not reproduced", "not run"]
Begin = Callable[[str], None]


@final
@dataclass(frozen=True, kw_only=True)
class Found:
    """What one measurement gave.

    Args:
        scale: The size of the data that we took.
        figure: What came out, in words.
        holds: Whether all that we require was met.
        direction: Whether at least the better side was the one that the paper names.
    """

    scale: str
    figure: str
    holds: bool
    direction: bool = False


@final
@dataclass(frozen=True)
class NotRun:
    """Why a claim was not checked: it needs more time than a test has, another library, or a right."""

    why: str


@final
@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of a paper.

    Args:
        says: What the paper says.
        source: Where it says so.
        requires: What must come out here for the claim to be reproduced.
    """

    says: str
    source: str
    requires: str


@final
@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim with what we measured, and the verdict."""

    says: str
    source: str
    requires: str
    scale: str
    figure: str
    verdict: Verdict


@final
@dataclass(frozen=True, kw_only=True)
class Study:
    """A paper's claims with their verdicts, the processor time of it all, and where they were measured."""

    name: str
    paper: str
    command: str
    findings: Sequence[Finding]
    sheets: Sequence[Sheet] = ()
    seconds: float
    conditions: dict[str, str] = field(default_factory=conditions)

    @property
    def summary(self) -> str:
        """The number of claims with each verdict that occurs."""
        verdicts = [finding.verdict for finding in self.findings]
        kinds: tuple[Verdict, ...] = ("reproduced", "direction only", "not reproduced", "not run")
        counts = [f"{verdicts.count(kind)} {kind}" for kind in kinds if kind in verdicts]
        return f"of {len(verdicts)} claims {', '.join(counts)}"

    def to_json(self) -> str:
        """The study for a machine to read; `from_json` takes it back."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        fields = json.loads(text)
        fields["findings"] = [Finding(**finding) for finding in fields["findings"]]
        fields["sheets"] = [Sheet(**sheet) for sheet in fields["sheets"]]
        return cls(**fields)


def judge(claim: Claim, found: Found | NotRun) -> Finding:
    """The verdict on a claim."""
    if isinstance(found, NotRun):
        return Finding(**asdict(claim), scale="-", figure=found.why, verdict="not run")
    verdict: Verdict = "reproduced" if found.holds else "direction only" if found.direction else "not reproduced"
    return Finding(**asdict(claim), scale=found.scale, figure=found.figure, verdict=verdict)


def page(study: Study) -> str:
    """The documentation's page of a study, in MyST."""
    listed = ", ".join(f"{name} {value}" for name, value in study.conditions.items())
    lines = [
        f"# The study `{study.name.lower()}`",
        "",
        f"{study.paper} {study.summary[0].upper()}{study.summary[1:]}.",
        "",
        f"`{study.command}` repeats it; this run took {study.seconds:.0f} s of one processor ({listed}). Times are",
        "the processor's own, of one thread; they depend on the machine, and with them the verdicts that rest on time.",
        "",
        *markdown(
            ("the paper says", "where", "we require", "at this scale", "we find", "verdict"),
            [(f.says, f.source, f.requires, f.scale, f.figure, f"*{f.verdict}*") for f in study.findings],
        ),
    ]
    for sheet in study.sheets:
        lines += ["", f"## {sheet.title}", "", *markdown(sheet.columns, sheet.rows)]
        lines += ["", sheet.below] if sheet.below else []
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(Study.from_json(Path(sys.argv[1]).read_text(encoding="utf-8"))), end="")
