"""What a predicate of polars asks of indexed columns; what it says otherwise is left to polars."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.bounds import Range
from beforehand.integrations.parquet.groups import Groups
from beforehand.integrations.parquet.host import polars

MOST_POINTS: Final = 1000  # of is_in
FLIPPED: Final = {"Lt": "Gt", "LtEq": "GtEq", "Gt": "Lt", "GtEq": "LtEq", "Eq": "Eq"}
UPPER_INSIDE: Final = {"Both": True, "Right": True, "Left": False, "None": False}
Mask = NDArray[np.bool_]


def may_match(predicate: Any, columns: dict[str, Groups]) -> Mask | None:
    """Which row groups may hold a match, in the order of the files; None: nothing is known of any.

    Args:
        predicate: An expression of polars, whose literals are of the columns' types, as its optimizer hands them on.
        columns: The indexed ones, as far as polars orders their values by codes.
    """
    try:
        tree = json.loads(predicate.meta.serialize(format="json"))
    except Exception:  # whatever it raises, such an expression cannot be read
        return None
    try:
        return _mask(tree, columns)
    except RecursionError:  # from Python 3.12 on JSON may be nested more deeply than calls
        return None


def _mask(node: Any, columns: dict[str, Groups]) -> Mask | None:
    """Row groups that may match every part of a conjunction; bounds of one column make one range."""
    ranges: dict[str, Range] = {}
    known: Mask | None = None
    for part in _parts(node, "And"):
        found = _bounds(part, columns)
        if found is None:
            other = _alternatives(part, columns)
            known = other if known is None else known if other is None else known & other
            continue
        column, asked = found
        both = asked if column not in ranges else _both(ranges[column], asked)
        if both is None:
            return np.zeros(len(columns[column].column.groups), np.bool_)
        ranges[column] = both
    for column, asked in ranges.items():
        may_hold = columns[column].may_hold(asked)
        known = may_hold if known is None else known & may_hold
    return known


def _alternatives(node: Any, columns: dict[str, Groups]) -> Mask | None:
    """Row groups that may match one of several alternatives, or of several points."""
    alternatives = list(_parts(node, "Or"))
    masks = [_mask(part, columns) for part in alternatives] if len(alternatives) > 1 else _points(node, columns)
    found: Mask | None = None
    for mask in masks:
        if mask is None:
            return None
        found = mask if found is None else found | mask
    return found


def _parts(node: Any, operator: str) -> Iterator[Any]:
    """What is joined by And or by Or."""
    inside = _member(node, "BinaryExpr")
    if inside is not None and inside.get("op") == operator:
        yield from _parts(inside["left"], operator)
        yield from _parts(inside["right"], operator)
    else:
        yield node


def _bounds(node: Any, columns: dict[str, Groups]) -> tuple[str, Range] | None:
    """A comparison of an indexed column with a literal, or is_between."""
    compared = _member(node, "BinaryExpr")
    if compared is not None and compared.get("op") in FLIPPED:
        column, value, operator = _column(compared["left"], columns), compared["right"], compared["op"]
        if column is None:
            column, value, operator = _column(compared["right"], columns), compared["left"], FLIPPED[operator]
        lo, hi = (value if operator[:2] in sides else None for sides in (("Gt", "Eq"), ("Lt", "Eq")))
        return _range(columns, column, lo, hi, strict=operator == "Lt")
    function, inputs = _function(node)
    between = _member(_member(function, "Boolean"), "IsBetween")
    if between is not None and len(inputs) == 3 and between.get("closed") in UPPER_INSIDE:
        return _range(columns, _column(inputs[0], columns), *inputs[1:], strict=not UPPER_INSIDE[between["closed"]])
    return None


def _points(node: Any, columns: dict[str, Groups]) -> list[Mask | None]:
    """What an `is_in` asks for, point by point."""
    function, inputs = _function(node)
    column = _column(inputs[0], columns) if len(inputs) == 2 else None
    is_in = _member(_member(function, "Boolean"), "IsIn")
    if is_in is None or column is None:
        return [None]
    series = _literal(inputs[1])
    if series is None or series.dtype != polars().List or len(series) != 1 or series.has_nulls():
        return [None]
    points = series[0]
    if points.has_nulls() and _member(is_in, "nulls_equal") is not False:
        return [None]  # nulls may match, and filters know nothing of those
    points = points.drop_nulls()
    groups = columns[column]
    if not len(points):
        return [np.zeros(len(groups.column.groups), np.bool_)]
    if len(points) > MOST_POINTS:
        return [None]
    ranges = [_read(groups, point, point, points.dtype, strict=False) for point in _values(points)]
    return [None if asked is None else groups.may_hold(asked) for asked in ranges]


def _range(
    columns: dict[str, Groups], column: str | None, lo: Any, hi: Any, *, strict: bool
) -> tuple[str, Range] | None:
    """A range between literals; None where it is not about an indexed column, or an end is something else."""
    if column is None:
        return None
    ends: list[Any] = []
    dtype = None
    for node in (lo, hi):
        series = None if node is None else _literal(node)
        if node is not None and (series is None or len(series) != 1 or series.has_nulls()):
            return None
        dtype = dtype if series is None else series.dtype
        ends.append(None if series is None else _values(series)[0])
    asked = _read(columns[column], ends[0], ends[1], dtype, strict=strict)
    return None if asked is None else (column, asked)


def _read(groups: Groups, lo: Any, hi: Any, dtype: Any, *, strict: bool) -> Range | None:
    """A range in the column's numbers; None where it does not compare with such literals, or holds nothing."""
    pl, type_ = polars(), groups.column.type
    if type_.is_decimal:
        fits = isinstance(dtype, pl.Decimal)
    elif type_.form == "whole" and type_.unit is None:
        fits = dtype.is_integer()
    else:
        fits = not isinstance(dtype, pl.Datetime) or (dtype.time_zone is not None) == type_.zoned
    if not fits:
        return None
    try:
        return Range.read(type_, lo, hi, "left" if strict else "both")
    except InvalidInput:
        return None


def _both(one: Range, other: Range) -> Range | None:
    """What lies in both ranges; None where nothing does."""
    lo = max((each.lo for each in (one, other) if each.lo is not None), default=None)
    hi = min((each.hi for each in (one, other) if each.hi is not None), default=None)
    strict = any(each.strict and each.hi == hi for each in (one, other) if each.hi is not None)
    if lo is not None and hi is not None and (lo > hi or (strict and lo == hi)):  # type: ignore[operator]
        return None
    return replace(one, lo=lo, hi=hi, strict=strict)


def _column(node: Any, columns: dict[str, Groups]) -> str | None:
    """The name of an indexed column; also where polars widens it without a loss: a decimal, or a date to a moment."""
    cast = _member(node, "Cast")
    if cast is None:
        name = _name(node)
        return name if name in columns else None
    name, wider = _name(cast.get("expr")), _member(cast.get("dtype"), "Literal")
    if name is None or name not in columns:
        return None
    type_ = columns[name].column.type
    digits, moment = _member(wider, "Decimal"), _member(wider, "Datetime")
    exact = isinstance(digits, list) and type_.is_decimal and digits[1] >= type_.scale
    return name if exact or (moment is not None and type_.unit == "D") else None


def _name(node: Any) -> str | None:
    """What a column is called, dotted for a member of a struct."""
    name = _member(node, "Column")
    if isinstance(name, str):
        return name
    function, inputs = _function(node)
    member = _member(_member(function, "StructExpr"), "FieldByName")
    parent = _name(inputs[0]) if isinstance(member, str) and len(inputs) == 1 else None
    return None if parent is None else f"{parent}.{member}"


def _literal(node: Any) -> Any:
    """The value of a literal as a series; None for anything else."""
    scalar = _member(_member(node, "Literal"), "Scalar")
    if scalar is None:
        return None
    pl = polars()
    for kind in ("Float32", "Float64"):  # of which polars reads its own digits one step off
        if isinstance(number := _member(scalar, kind), float):
            return pl.Series([number], dtype=getattr(pl, kind))
    try:
        return pl.select(pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json")).to_series()
    except Exception:  # NaN and infinities, which JSON cannot hold, among others
        return None


def _values(series: Any) -> list[Any]:
    """What a series holds; points in time and durations as numpy's, which keep their units."""
    pl, dtype = polars(), series.dtype
    if isinstance(dtype, pl.Datetime | pl.Duration):
        kind = f"{'M8' if isinstance(dtype, pl.Datetime) else 'm8'}[{dtype.time_unit}]"
    elif dtype == pl.Time:
        kind = "m8[ns]"
    else:
        values: list[Any] = series.to_list()
        return values
    return list(series.to_physical().to_numpy().view(kind))


def _function(node: Any) -> tuple[Any, list[Any]]:
    inside = _member(node, "Function")
    if inside is None or not isinstance(inside.get("input"), list):
        return None, []
    return inside.get("function"), inside["input"]


def _member(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None
