"""The heaviest keys as a table, as csv or as JSON."""

import csv
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, final

import typer
from rich.text import Text

from beforehand.cli import render

if TYPE_CHECKING:
    from beforehand.cli.stream_check import Check, Errors
    from beforehand.streams.top import Top

Output = Literal["table", "csv", "json"]
Form = Annotated[Output, typer.Option("--output", help="A table to read, or what machines read.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --output json.")]
HEAD = ("rank", "key", "estimate", "lower", "upper", "share")


@final
@dataclass(kw_only=True)
class Results:
    """What to show of a summary, and how; once, or again and again while a stream is read.

    Args:
        summary: Whatever can name its heaviest keys.
        output: "table", "csv" or "json".
        k: How many keys.
        phi: Show all keys above this share instead.
        most: Bytes that the summary may come to take; None where they are not known.
        after: How many arrivals there had been when it was shown last, in a series; None before, and for one result.
    """

    summary: Any
    output: Output
    k: int = 100
    phi: float | None = None
    most: int | None = None
    after: int | None = None

    def show(self, check: "Check | None" = None, *, after: int | None = None) -> "Errors | None":
        """Print the heaviest keys; with exact counts, also how far off all estimates are.

        Args:
            check: The exact counts.
            after: The arrivals so far, where this is one result of a series: each then says which one it is.
        """
        first, self.after = self.after is None, after
        top = self.summary.top(self.k) if self.phi is None else self.summary.heavy_hitters(self.phi)
        errors = check and check.errors(self.summary)
        weight = weight_of(self.summary)
        rows = [
            (rank, _plain(row.key), row.estimate, row.lower, row.upper, row.estimate / weight if weight else 0.0)
            for rank, row in enumerate(top.to_list(), 1)
        ]
        if self.output == "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            head, place = (HEAD, ()) if after is None else (("arrivals", *HEAD), (after,))
            writer.writerows([*([head] if first else []), *(place + row for row in rows)])
        elif self.output == "json":
            keys = [dict(zip(HEAD, row, strict=True)) | {"guaranteed": bool(sure)}
                    for row, sure in zip(rows, top.guaranteed, strict=True)]  # fmt: skip
            about = ({} if after is None else {"arrivals": after}) | facts_of(self.summary) | {"complete": top.complete}
            measured = {"check": errors._asdict()} if errors else {}
            render.show_json(about | measured | {"keys": keys})
        else:
            if after is not None:
                print(f"{'' if first else chr(10)}after {counted(after, 'arrival')}")
            self._table(rows, top, errors)
        sys.stdout.flush()  # whoever reads along need not wait for more
        return errors

    def _table(self, rows: list[tuple[Any, ...]], top: "Top", errors: "Errors | None") -> None:
        number = render.number
        table = render.table(*HEAD)
        for place in (0, 2, 3, 4, 5):
            table.columns[place].justify = "right"
        for rank, key, estimate, lower, upper, share in rows:
            counts = (f"{estimate:,.0f}", f"{lower:,}", f"{upper:,}", _percent(share))
            table.add_row(str(rank), Text(_printable(str(key))), *counts)
        if rows:
            render.show_table(table)
            print()
        facts = facts_of(self.summary)
        limit = f" of at most {self.most:,}" if self.most and self.most > facts["memory"] else ""
        which = ", the last of the stream" if hasattr(self.summary, "window") else ""
        skipped = f", and {counted(facts['skipped'], 'null')} skipped" if facts["skipped"] else ""
        lines: list[tuple[str, object]] = [
            ("counted", f"{facts['total']:,}{which}{skipped}"),
            (
                "summary",
                f"{facts['summary']}, {facts['memory']:,} bytes{limit}, {counted(facts['tracked'], 'key')} tracked",
            ),
            ("error", f"every count is known to within {facts['error_bound']:,}"),
            ("complete", _complete(top, self.phi, facts["complete_above"])),
        ]
        if errors:
            off = f"RMSE {number(errors.rmse)}, error an arrival {number(errors.weighted_error)}"
            lines.append(
                ("checked", f"{counted(errors.keys, 'key')}, {off}, {errors.violations:,} outside their bounds")
            )
        render.show_table(render.facts(lines))


def counted(number: int, noun: str) -> str:
    """A number and what it counts: "1 arrival", "2,000 arrivals"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def weight_of(summary: Any) -> int:
    """What is left of the stream; deletions of what had no counter may be more than came."""
    return max(0, summary.total - summary.deleted)  # type: ignore[no-any-return]


def facts_of(summary: Any) -> dict[str, Any]:
    """What there is to say about a summary as a whole.

    `complete_above`, of those that track keys, is the share of the stream above which no key is missing among them.
    """
    facts = {
        "summary": getattr(summary, "policy", type(summary).__name__),
        "key": summary.key_kind,
        "memory": summary.nbytes,
        "total": summary.total,
        "skipped": summary.skipped,
        "error_bound": summary.error_bound,
    }
    if not hasattr(summary, "top"):
        return facts
    weight = weight_of(summary)
    above = summary._untracked_bound / weight if weight else 0.0
    return facts | {"tracked": len(summary), "complete_above": above}


def _complete(top: "Top", phi: float | None, above: float) -> str:
    if phi is not None:
        return f"no key above {_percent(phi)} is missing" if top.complete else "a key of that share may be missing"
    return f"no key above {_percent(above)} is missing from the keys tracked"


def _percent(share: float) -> str:
    """Three significant digits of a share, never as a power of ten."""
    digits = 0 if share <= 0 else max(0, 2 - math.floor(math.log10(100 * share)))
    text = f"{100 * share:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def _plain(key: int | str | bytes) -> int | str:
    return key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else key


def _printable(text: str) -> str:
    """A cell that shows what there is, an empty line and blanks at its ends included."""
    if text != text.strip() or not text:
        text = f"'{text}'"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def wrote(path: Path) -> None:
    """Say on stderr that a file was written: stdout holds the result alone."""
    print(f"wrote {path}", file=sys.stderr)


def form(output: Output, as_json: bool) -> Output:
    """What --output and --json ask for together."""
    return "json" if as_json else output


def show_facts(facts: dict[str, Any], output: Output) -> None:
    """Print names and values, of which some may be groups of such."""
    if output == "json":
        render.show_json(render.finite(facts))
        return
    lines = [(name, _words(value)) for name, value in facts.items()]
    if output == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows(zip(*lines, strict=True))
    else:
        render.show_table(render.facts([(name.replace("_", " "), words) for name, words in lines]))


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(each)}" for name, each in value.items())
    if value is None:
        return "undefined"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
