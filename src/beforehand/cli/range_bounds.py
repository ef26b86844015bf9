"""Bounds of ranges as they stand in a command line."""

import datetime
import decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from beforehand.core.errors import InvalidInput

if TYPE_CHECKING:  # pyarrow waits until a command needs it
    from beforehand.integrations.parquet.column_type import ColumnType

HEX = "0x"


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
    except (ValueError, ArithmeticError) as error:
        raise InvalidInput(f"{text!r} is no bound for a column of {type_.name}: {error}") from None


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
    return datetime.datetime.fromisoformat(text) if type_.zoned else np.datetime64(text)
