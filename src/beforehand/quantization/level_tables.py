"""Tables of levels: what they are, how they fit other data, and their bytes."""

import math
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.deprecation import warn_renamed
from beforehand.core.errors import BeforehandError, CapacityExceeded, CorruptData, InvalidInput
from beforehand.core.files import writing
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import Numbers, Values, non_empty
from beforehand.quantization.options import (
    MOST_LEVELS,
    Objective,
    Scale,
    check_objective,
    check_rotation,
    check_scaled,
    whole,
)
from beforehand.quantization.scaled import score_scaled
from beforehand.quantization.tables import fitted
from beforehand.quantization.theory import lloyd_max_normal, rotation_vnmse

SCALES: dict[str, Scale] = {name: name for name in get_args(Scale)}


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Levels:
    """Tables of levels, what rounding to them costs, and how sure that is.

    Attributes:
        values: The tables in ascending order: `(n_levels,)` for one group, else `(groups, n_levels)`, short ones padded
            by repeating their last level. `np.asarray(levels)` gives the same.
        method: "exact", "histogram", "uniform", "rotation", "scaled", or "given" for a table made elsewhere.
        objective: "unbiased" or "mse".
        shape: Of the data.
        counts: How many levels each group has, `(groups,)`; None for one group.
        axis: The axis along which each index has a table of its own, or None.
        block: The number of consecutive values that share a table, or None; with rotation the largest number of values
            that are rotated together; with "scaled" the number of consecutive values that share a scale.
        squared_error: The sum of the (expected, weighted) squared errors; inf where squares overflow, NaN if unknown.
        vnmse: The unweighted squared error over the squared norm of the data; 0 for data that are all 0, NaN if
            unknown.
        group_squared_error: `squared_error` of each group, `(groups,)`; None for one group.
        gap: An upper bound on the share of `squared_error` by which the optimum is below it; None if not known.
        grid_index: Where the levels stand in the grid, in the shape of `values`; None without a grid.
        scale: The dtype of the scales with method "scaled", else None.
        losses: With "scaled", `vnmse` after each turn of scales and table, of a sample first if there is one.

    Guarantee:
        `Levels.from_bytes(table.to_bytes()) == table`, on every machine and in every later version.

    Example:
        >>> from beforehand.quantization import encode, levels
        >>> corpus = [[0.0, 10.0], [1.0, 20.0], [3.0, 50.0]]
        >>> table = Levels.from_bytes(levels(corpus, 2, axis=1).to_bytes())
        >>> encode([[2.0, 30.0]], table, seed=1).levels
        array([[ 0.,  3.],
               [10., 50.]])
    """

    values: NDArray[Any]
    method: str
    objective: Objective
    shape: tuple[int, ...]
    counts: NDArray[np.int64] | None = None
    axis: int | None = None
    block: int | None = None
    squared_error: float = math.nan
    vnmse: float = math.nan
    group_squared_error: NDArray[np.float64] | None = None
    gap: float | None = None
    grid_index: NDArray[np.int64] | None = None
    scale: Scale | None = None
    losses: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        values: Values,
        tables: NDArray[Any],
        counts: NDArray[np.int64],
        cost: _native.Cost | None = None,
        grid_index: NDArray[np.int64] | None = None,
        *,
        method: str,
        objective: Objective,
        axis: int | None,
        block: int | None,
    ) -> "Levels":
        """Put together one row of a table for each group; without their cost, errors are unknown."""
        several = axis is not None or block is not None
        tables = tables[:, : counts.max()].astype(values.dtype.levels, copy=False)
        known: dict[str, Any] = {}
        if cost is not None:
            known = {"squared_error": cost.squared_error, "vnmse": cost.vnmse, "gap": cost.gap}
            known["group_squared_error"] = cost.group_squared_error if several else None
        if grid_index is not None:
            known["grid_index"] = grid_index if several else grid_index[0]
        return cls(
            values=tables if several else tables[0],
            method=method,
            objective=objective,
            shape=values.data.shape,
            counts=counts if several else None,
            axis=axis,
            block=block,
            **known,
        )

    @property
    def n_levels(self) -> int:
        """The most levels that a group got; at most the number asked for."""
        return int(self.values.shape[-1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the levels: float32 where it holds all values of the source, else float64."""
        return self.values.dtype

    @property
    def exact(self) -> bool:
        """Whether the levels are optimal."""
        return self.gap == 0

    @property
    def s(self) -> int:
        """The old name of `n_levels`."""
        warn_renamed("Levels.s", "Levels.n_levels")
        return self.n_levels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The tables alone, as numpy sees them."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        """Whether all fields are the same."""
        return self.to_bytes() == other.to_bytes() if isinstance(other, Levels) else NotImplemented

    def __hash__(self) -> int:
        """The hash of the bytes."""
        return hash(self.to_bytes())

    def to_bytes(self) -> bytes:
        """All fields as bytes, with a checksum: 84 bytes, and what the tables take.

        Raises:
            InvalidInput: Fields were replaced by what no table has.
        """
        try:
            shape = [whole("shape", length) for length in self.shape]
            rows, counts = self._rows(tuple(shape))
            if rows.dtype.itemsize > 8:
                raise InvalidInput(f"levels have dtype {rows.dtype}, but bytes hold float32 or float64; convert them")
            return _native.write_levels(
                method=_native.Method[self.method],
                objective=_native.Objective[self.objective],
                single=rows.dtype.itemsize <= 4,
                scale=_native.Scale.none if self.scale is None else _native.Scale[self.scale],
                axis=self.axis,
                n_levels=rows.shape[1],
                block=self.block or 0,
                squared_error=self.squared_error,
                vnmse=self.vnmse,
                gap=self.gap,
                shape=shape,
                values=rows.astype(np.float64).reshape(-1),
                counts=None if self.counts is None else counts,
                group_squared_error=_flat(self.group_squared_error, np.float64),
                grid_index=_flat(self.grid_index, np.int64, rows.size),
                losses=list(self.losses or ()),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, BeforehandError):
                raise
            raise InvalidInput(f"levels have a field that bytes cannot hold ({error}); make them by levels()") from None

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> "Levels":
        """Read what `to_bytes` returned, by this version or an older one.

        Raises:
            CorruptData: These bytes are not exactly what `to_bytes` returned.
            InvalidInput: `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):  # bytes(n) would make n zeros
            raise InvalidInput(f"data is a {type(data).__name__}, but must be bytes; read them from the file")
        read = _native.read_levels(bytes(data))
        dtype = np.float32 if read.single else np.float64
        shape = (read.n_levels,) if read.counts is None else (-1, read.n_levels)
        made = cls(
            values=read.values.astype(dtype).reshape(shape),
            method=read.method.name,
            objective="mse" if read.objective == _native.Objective.mse else "unbiased",
            shape=tuple(read.shape),
            counts=read.counts,
            axis=read.axis,
            block=read.block or None,
            squared_error=read.squared_error,
            vnmse=read.vnmse,
            group_squared_error=read.group_squared_error,
            gap=read.gap,
            grid_index=None if read.grid_index is None else read.grid_index.reshape(shape),
            scale=SCALES.get(read.scale.name),
            losses=tuple(read.losses) or None,
        )
        try:
            made._rows(made.shape)
        except (InvalidInput, CapacityExceeded) as error:
            raise CorruptData(f"not a valid Levels buffer ({len(data)} bytes): {error}") from None
        return made

    def save(self, path: str | PathLike[str]) -> None:
        """Write `to_bytes` to a file, which by custom ends in .bhl.

        Raises:
            InvalidInput: The file cannot be written.
        """
        data = self.to_bytes()
        with writing(path) as stream:
            stream.write(data)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Levels":
        """Read the file that `save` wrote.

        Raises:
            InvalidInput: The file cannot be read.
            CorruptData: It is not a table of levels, or was damaged.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
        try:
            return cls.from_bytes(data)
        except CorruptData as error:
            raise CorruptData(f"{path}: {error}") from error

    def cover(self, x: Numbers) -> "Levels":
        """Fit these tables to other data, so that rounding stays unbiased: end levels move to minimum and maximum.

        Args:
            x: The new data; of any shape if this is one table. Tables along an axis need as many indices there, tables
                of blocks the shape that they were made for.

        Returns:
            Levels with the same interior levels, those outside the new range dropped, scored on `x`. For "mse" the
            levels stay, as every value has a nearest one. On the data that the table was made for, the same levels.
            How far they are from the optimum is not known: `gap` is None.

        Cost:
            Two passes over `x`.

        Raises:
            InvalidInput: `x` is empty, contains NaN or infinity, or does not fit several tables.

        Example:
            >>> from beforehand.quantization import levels
            >>> table = levels([0.0, 1.0, 2.0, 3.0, 10.0], 3)
            >>> table.cover([1.0, 2.0, 5.0, 20.0]).values
            array([ 1.,  3., 20.])
        """
        values = non_empty(x)
        rows, _ = self._rows(values.data.shape)
        if self.method == "rotation":
            return rotation_levels(values, self.n_levels, self.objective, self.axis, self.block)
        if self.method == "scaled" and self.block is not None and self.scale is not None:
            scored = score_scaled(values, rows[0], self.objective, self.block, self.scale)
            return replace(self, shape=values.data.shape, gap=None, **scored)
        groups = grouping(values.data.shape, self.axis, self.block)
        tables, counts = fitted(rows, values, groups, self.objective)
        cost = _native.score_levels(values.native, groups, tables, counts, _native.Objective[self.objective])
        return Levels.of(
            values, tables, counts, cost,
            method=self.method, objective=self.objective, axis=self.axis, block=self.block,
        )  # fmt: skip

    def _rows(self, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The tables, one a row, and how many levels of each count; copies, as fields may be anything by now.

        Raises:
            InvalidInput: They do not fit each other, or data of this shape.
        """
        if self.method not in _native.Method.__members__:
            raise InvalidInput(f"levels have method {self.method!r}, but must have one that levels() gives")
        check_objective(self.objective)
        rows = np.atleast_2d(np.array(self.values))
        if rows.dtype.kind != "f" or rows.ndim != 2 or not 1 <= rows.shape[1] <= MOST_LEVELS:
            raise InvalidInput(
                f"levels have values of shape {rows.shape} and dtype {rows.dtype}, but each table must hold 1 to "
                f"{MOST_LEVELS} floats"
            )
        try:
            counts = np.full(len(rows), rows.shape[1]) if self.counts is None else np.array(self.counts, np.int64)
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput(f"levels have counts {self.counts!r}, but must have whole numbers") from None
        if counts.shape != (len(rows),) or counts.min() < 1 or counts.max() > rows.shape[1]:
            raise InvalidInput(f"levels have counts {counts}, but each of {len(rows)} tables has 1 to {rows.shape[1]}")
        if not np.isfinite(rows).all() or (rows[:, 1:] < rows[:, :-1]).any():
            raise InvalidInput("levels must be finite and ascend in each table, but do not; make them by levels()")
        if self.method == "scaled":
            check_scaled(rows.shape[1], self.block, self.scale)
            if len(rows) > 1:
                raise InvalidInput(f"levels are {len(rows)} tables, but scaled blocks share one; make them by levels()")
            if self.axis is not None:
                raise InvalidInput(f"levels have axis {self.axis}, but scaled blocks have none; make them by levels()")
        elif self.method == "rotation":
            check_rotation(rows.shape[1], self.block)
            if self.axis is not None and not -len(shape) <= whole("axis", self.axis) < len(shape):
                raise InvalidInput(
                    f"levels have axis {self.axis}, but x has {len(shape)} dimensions; make levels for x"
                )
        elif self.counts is not None or len(rows) > 1:
            self._check_groups(len(rows), shape)
        return rows, counts

    def _check_groups(self, tables: int, shape: tuple[int, ...]) -> None:
        """Raise unless data of this shape have a group for each table: only the axis that has tables must agree.

        Raises:
            InvalidInput: They do not.
        """
        if self.axis is None and self.block is not None and shape != self.shape:
            raise InvalidInput(
                f"x has shape {shape}, but levels are {tables} tables for blocks of shape {self.shape}; pass data of "
                "that shape, or levels without block"
            )
        if self.axis is not None and self.block is None and not -len(shape) <= whole("axis", self.axis) < len(shape):
            raise InvalidInput(
                f"x has shape {shape}, but levels are {tables} tables for axis {self.axis}; pass x with that axis"
            )
        if (groups := grouping(shape, self.axis, self.block)).count != tables:
            raise InvalidInput(
                f"levels are {tables} tables, but axis={self.axis} and block={self.block} cut data of shape {shape} "
                f"into {groups.count} groups; pass data with {tables}, or make levels for these"
            )


def rotation_levels(values: Values, n_levels: int, objective: Objective, axis: int | None, block: int | None) -> Levels:
    """Levels for rotated data: the same for all, and so is the share of its squared norm that each group loses."""
    check_rotation(n_levels, block)
    groups = grouping(values.data.shape, axis, None)
    zeros, counts = np.zeros((groups.count, 1)), np.ones(groups.count, np.int64)
    norm = _native.score_levels(values.native, groups, zeros, counts, _native.Objective.mse)
    share = rotation_vnmse(n_levels, objective)
    return Levels(
        values=lloyd_max_normal(n_levels).astype(values.dtype.levels),
        method="rotation",
        objective=objective,
        shape=values.data.shape,
        axis=axis,
        block=block,
        squared_error=share * norm.squared_error,
        vnmse=share * norm.vnmse,
        group_squared_error=None if axis is None else share * norm.group_squared_error,
        gap=0.0 if norm.vnmse == 0 else None,
    )


def _flat(items: Any, dtype: type, size: int | None = None) -> NDArray[Any] | None:
    """A field's items as bytes hold them: flat, and as many as there must be.

    Raises:
        ValueError: They cannot be.
    """
    if items is None:
        return None
    flat: NDArray[Any] = np.array(items, dtype).reshape(-1)
    if size not in (None, flat.size):
        raise ValueError(f"{flat.size} items for {size} levels")
    return flat
