"""A question about a log, answered: the same words and tables in a terminal and on a page with figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from rich.text import Text

from beforehand.cli import page, render
from beforehand.reporting import Sheet

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw


@final
@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was asked and what was found.

    Args:
        question: For the head of the page.
        lede: What the question is good for, in a sentence.
        told: The answer in sentences, one a line.
        sheets: Its figures.
        draw: Pictures by caption.
    """

    question: str
    lede: str
    told: str
    sheets: Sequence[Sheet]
    draw: Callable[[], Mapping[str, "Draw"]]

    def show(self) -> None:
        """Print it."""
        for sheet in self.sheets:
            render.show(f"{sheet.title}\n")
            table = render.table(*sheet.columns)
            for row in sheet.rows:
                table.add_row(*map(Text, row))
            render.show_table(table)
            render.show("")
        render.show(self.told)

    def give(self, html: Path | None, *, command: str, after: str) -> None:
        """Print it, and write it as a page if one is wanted; the arguments are those of `write`."""
        written = html is not None and self.write(html, command=command, after=after)
        self.show()
        if html is not None:
            render.show(f"\nwrote {html}" if written else f"\n{page.NO_PICTURES}")

    def write(self, path: Path, *, command: str, after: str) -> bool:
        """Write it as a page; False if what draws it is not installed.

        Args:
            path: Where to.
            command: The command that writes the same page.
            after: A command to try next.
        """
        try:
            drawn = page.pictures("a", self.draw())
        except ImportError:
            return False
        return page.fill(
            path,
            "answer.html.j2",
            title=f"beforehand: {self.question}",
            lede=self.lede,
            heading=self.question,
            told=self.told.splitlines(),
            pictures=drawn,
            sheets=self.sheets,
            command=command,
            next=after,
        )
