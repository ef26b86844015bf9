"""Bounds of ranges as they stand in a command line."""

import datetime
import decimal
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from beforehand.core.errors import InvalidInput

if TYPE_CHECKING:  # pyarrow waits until a command needs it
    from beforehand.integrations.parquet.column_type import ColumnType

HEX = "0x"
DATE = re.compile(r"[+-]?\d{4,}-\d\d?")  # numpy would take any number for a year


def read_bound(type_: "ColumnType", text: str) -> Any:
    """A bound of a column's kind.

    Args:
        type_: What the column holds.
        text: A number; a date or time in ISO 8601, with an offset where the column has a time zone; seconds for a
            duration; text as it is; binary as text, or in hex behind 0x.

    Raises:
        InvalidInput: It is none.
    """
    try:
        return _read(type_, text)
    except (ValueError, ArithmeticError):
        raise InvalidInput(f"{text!r} is no bound for a column of {type_.name}; write {like(type_)}") from None


def like(type_: "ColumnType") -> str:
    """What a bound of such a column looks like."""
    if type_.form == "bytes":
        return "text, or 0x and two hex digits for each byte"
    if type_.form == "float" or type_.is_decimal:
        return "a number, such as 1.5"
    if type_.unit is None:
        return "a whole number, such as 15"
    if type_.key_type.kind == "timedelta64":
        return "a time, such as 12:30:00" if type_.name.startswith("time") else "seconds, such as 1.5"
    if type_.name.startswith("date"):
        return "a date, such as 2026-01-31"
    return f"a date and a time, such as 2026-01-31T12:30:00{'+00:00' if type_.zoned else ''}"


def _read(type_: "ColumnType", text: str) -> Any:
    if type_.form == "bytes":
        if type_.text:
            return text
        return bytes.fromhex(text.removeprefix(HEX)) if text.startswith(HEX) else text.encode()
    if type_.form == "float":
        return float(text)
    if type_.is_decimal:
        return decimal.Decimal(text)
    if type_.unit is None:
        return int(text)
    if type_.name.startswith("time") and type_.key_type.kind == "timedelta64":
        return datetime.time.fromisoformat(text)
    if type_.key_type.kind == "timedelta64":
        return np.timedelta64(round(decimal.Decimal(text) * 10**9), "ns")
    if not type_.zoned:
        if DATE.match(text) is None:
            raise ValueError(text)
        return np.datetime64(text)
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
