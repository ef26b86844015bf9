"""jsonl, an object a line; and json, a list of objects or an object of lists. Other keys may hold anything."""

import io
import json
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData
from beforehand.tables.naming import MARK
from beforehand.workloads.reading.sources import opened, opened_text

DEPTH: Final = 3  # of objects inside another that have names of their own


def keys(record: Mapping[str, Any], before: str = "", depth: int = 1) -> Iterator[str]:
    """The names of a record's columns; what stands in an object inside it has a dot, such as `usage.total_tokens`."""
    for key, value in record.items():
        yield before + key
        if isinstance(value, dict) and depth < DEPTH:
            yield from keys(value, f"{before}{key}.", depth + 1)


def read_jsonl(path: str, names: Sequence[str]) -> tuple[dict[str, list[object]], NDArray[np.int64]]:
    """Columns of these names, None where a record lacks the key, and the line of each record.

    Raises:
        CorruptData: a line is no object.
    """
    columns: dict[str, list[object]] = {name: [] for name in names}
    lines = array("q")
    picks = [(column.append, name, name.split(".")) for name, column in columns.items()]
    with opened_text(path) as text:
        for line, record in _numbered(path, text):
            lines.append(line)
            for append, name, parts in picks:
                append(record[name] if name in record else _inside(record, parts))
    return columns, np.array(lines, dtype=np.int64)


def _numbered(path: str, lines: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each record of jsonl with its line; not the first line of `Trace.save`, which says what the rows are."""
    for line, text in enumerate(lines, 1):
        if text.strip():
            record = parsed(path, text, f" in line {line}")
            if not isinstance(record, dict):
                raise CorruptData(f"{path} has {text.strip()[:40]} in line {line}, which is no object; take it out")
            if MARK not in record:
                yield line, record


def read_json(path: str, names: Sequence[str]) -> dict[str, list[object]]:
    """Columns of these names.

    Raises:
        CorruptData: it is neither a list of objects nor an object of lists, or these are of unequal length.
    """
    with opened(path) as stream:
        whole = parsed(path, stream.read().decode("utf-8-sig", "replace"), "")
    if isinstance(whole, list) and all(isinstance(record, dict) for record in whole):
        return {
            name: [record[name] if name in record else _inside(record, name.split(".")) for record in whole]
            for name in names
        }
    if not isinstance(whole, dict):
        raise CorruptData(f"{path} is neither a list of objects nor an object of lists; write an object a row")
    columns: dict[str, list[object]] = {}
    for name in names:
        found = whole[name] if name in whole else _inside(whole, name.split("."))
        found = list(found.values()) if isinstance(found, dict) else found  # as pandas writes them, by row
        if found is not None and not isinstance(found, list):
            raise CorruptData(
                f"{path} has the one value {str(found)[:40]} as {name}, but a column is a list; take another"
            )
        if found is not None:
            columns[name] = found
    if len(set(map(len, columns.values()))) > 1:
        told = ", ".join(f"{name} has {len(column)}" for name, column in columns.items())
        raise CorruptData(
            f"{path} has columns of unequal length ({told}), but each row needs a value of each; take others"
        )
    return columns


def first_of_jsonl(path: str, text: str) -> tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]:
    """Names, first record and our own mark, as far as the beginning of a file shows them."""
    names: dict[str, None] = {}
    first: dict[str, Any] = {}
    mark: dict[str, Any] = {}
    lines = list(io.StringIO(text, newline=None))
    for place, line in enumerate(lines):
        try:
            record = json.loads(line.removeprefix("\ufeff")) if line.strip() else None
        except (ValueError, RecursionError):
            if 0 < place == len(lines) - 1:
                break  # which is cut off
            record = dict(_top_level(line))
        if isinstance(record, dict):
            if MARK in record:
                mark = record[MARK] if isinstance(record[MARK], dict) else {}
                continue
            first = first or record
            names |= dict.fromkeys(keys(record))
    return tuple(names), first, mark


def first_of_json(text: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Names and first record, as far as the beginning of a file shows them; lists of an object are columns."""
    text = text.removeprefix("\ufeff").lstrip()
    record = dict(_top_level(text[1:].lstrip() if text.startswith("[") else text))
    return tuple(keys(record)), record


def parsed(path: str, text: str, where: str) -> Any:
    """The value of a text in JSON."""
    try:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of thousands of digits, about which nobody may have asked
            return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"{path} holds no JSON{where} ({error}); repair it, or take it out") from error


def _integer(digits: str) -> float:
    return int(digits) if len(digits) < 400 else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _inside(record: Mapping[str, Any], parts: Sequence[str]) -> Any:
    value: Any = record
    for part in parts:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _top_level(text: str) -> Iterator[tuple[str, Any]]:
    """The keys and values of an object that may be cut off anywhere; a value that is gives None, and is the last."""
    decoder, blank = json.JSONDecoder(), " \t\r\n"
    place = text.find("{") + 1
    while 0 < place < len(text):
        place = _after(text, place, blank + ",")
        try:
            key, place = decoder.raw_decode(text, place)
            place = _after(text, place, blank + ":")
        except (ValueError, RecursionError):
            return
        if not isinstance(key, str):
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            yield key, None
            return
        yield key, value


def _after(text: str, place: int, passed: str) -> int:
    while place < len(text) and text[place] in passed:
        place += 1
    return place
