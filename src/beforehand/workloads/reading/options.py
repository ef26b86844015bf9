"""How to read a file, and what its beginning says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final, final
from zoneinfo import ZoneInfo

from beforehand.core.errors import InvalidInput

FORMATS: Final = ("csv", "jsonl", "json", "npz", "parquet", "lines")
SEPARATORS: Final = (",", ";", "\t", "|", " ")
DECIMALS: Final = (".", ",")


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a file; what is None is found by looking at it.

    Args:
        format: `"csv"` for rows of cells whatever separates them, `"jsonl"`, `"json"`, `"npz"`, `"parquet"` or
            `"lines"`.
        separator: What is between two cells: `","`, `";"`, `"\\t"`, `"|"`, or `" "` for any number of blanks.
        decimal: The decimal sign, `"."` or `","`. None takes a comma for one only where it cannot separate thousands.
        header: Whether the first line names the columns; if not, they are called `"1"`, `"2"` and so on.
        time_zone: That of times which name none, such as `"Europe/Berlin"`.

    Raises:
        InvalidInput: a value is none of these.
    """

    format: str | None = None
    separator: str | None = None
    decimal: str | None = None
    header: bool = True
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what no file can be read by."""
        for name, allowed in (("format", FORMATS), ("separator", SEPARATORS), ("decimal", DECIMALS)):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise InvalidInput(
                    f"{name} is {value!r}, but must be one of {', '.join(map(repr, allowed))}; leave it out to have it "
                    "found"
                )
        _ = self.zone

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        if self.time_zone == "UTC":  # known even where the system has no list of zones
            return UTC
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise InvalidInput(
                f"time_zone is {self.time_zone!r}, but must be the name of a zone, such as 'UTC' or 'Europe/Berlin'"
            ) from error


AS_FOUND: Final = Reading()


@final
@dataclass(frozen=True, kw_only=True)
class Head:
    """What the beginning of a file says.

    Attributes:
        path: The file.
        format: As in `Reading`.
        names: Those of the columns. Of jsonl and json the keys at the beginning, those of an object inside another
            with a dot, such as `usage.total_tokens`.
        text: The beginning as text, 64 KiB of it at most; empty for npz and Parquet.
        record: The first record of jsonl or json, else empty.
        meta: The metadata of a trace that `Trace.save` wrote, else empty.
    """

    path: str
    format: str
    names: tuple[str, ...]
    text: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
