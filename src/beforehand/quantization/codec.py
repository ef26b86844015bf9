"""Encoding with the choices frozen: what a plan builds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.deprecation import renamed_arguments, warn_renamed
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.quantization.codes import Codes
from beforehand.quantization.decoding import decode
from beforehand.quantization.encoding import encode
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import Numbers, Values, non_empty
from beforehand.quantization.level_tables import Levels
from beforehand.quantization.levels import levels, uniform_levels
from beforehand.quantization.options import (
    MOST_LEVELS,
    SCALED_BLOCK,
    Method,
    Objective,
    Scale,
    ascending,
    check_objective,
    whole,
)
from beforehand.quantization.tables import fitted


@final
@dataclass(frozen=True, kw_only=True)
class Codec:
    """Encode array after array in the same way.

    Args:
        method: `"exact"`, `"histogram"`, `"uniform"`, `"rotation"`, `"scaled"` or `"auto"` find levels for each array,
            as `levels` does; `"given"` takes those in `levels`.
        n_levels: How many levels, at most.
        objective: `"unbiased"` or `"mse"`.
        axis: One table for each index along this axis.
        block: One table for each run of this many values of the last axis; excludes `axis`. For `"rotation"` the
            largest number of values rotated together, which may go with `axis`; for `"scaled"` the number of values
            that share a scale.
        scale: The dtype of the scales, only for `"scaled"`: `"float16"`, unless told otherwise.
        levels: Strictly ascending; only with `"given"` and `"scaled"`. One table, or with `axis` or `block` one for
            each group, as `Codec.of(table)` takes them over. The ends move to the minimum and maximum of the values
            that share a table, so that rounding stays unbiased; with `"mse"` and `"scaled"` they stay.

    Guarantee:
        The same array, seed and stream give the same bytes, also after a round trip through `to_dict`.

    Cost:
        That of `levels`, `encode` and `decode`; `"given"` saves the search for levels.

    Raises:
        InvalidInput: The choices contradict each other.

    Example:
        >>> codec = Codec(method="exact", n_levels=4)
        >>> codes = codec.encode([0.0, 1.0, 2.0, 3.0, 10.0], seed=0)
        >>> codec.decode(codes)[[0, 4]]
        array([ 0., 10.])
    """

    method: Method | Literal["given"]
    n_levels: int
    objective: Objective = "unbiased"
    axis: int | None = None
    block: int | None = None
    levels: Sequence[float] | Sequence[Sequence[float]] | None = None
    scale: Scale | None = None

    def __post_init__(self) -> None:
        """Raise if choices contradict each other."""
        methods = (*get_args(Method), "given")
        if self.method not in methods:
            raise InvalidInput(f"method is {self.method!r}, but must be one of {', '.join(methods)}")
        check_objective(self.objective)
        object.__setattr__(self, "n_levels", whole("n_levels", self.n_levels))
        if not 1 <= self.n_levels <= MOST_LEVELS:
            raise InvalidInput(f"n_levels is {self.n_levels}, but must be from 1 to {MOST_LEVELS}; take fewer levels")
        for name in ("axis", "block"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(name, getattr(self, name)))
        if self.axis is not None and self.block is not None and self.method != "rotation":
            raise InvalidInput(f"axis is {self.axis} and block is {self.block}, but only one may group; leave one out")
        if (self.method == "given") != (self.levels is not None) and self.method != "scaled":
            raise InvalidInput(f'method is {self.method!r}, but "given" and levels= go together; pass both or neither')
        if self.scale is not None and (self.method != "scaled" or self.scale not in get_args(Scale)):
            raise InvalidInput(
                f"scale is {self.scale!r}, but must be one of {', '.join(get_args(Scale))}, with method='scaled' only"
            )
        if self.levels is not None:
            object.__setattr__(self, "levels", self._ascending(self.levels))

    def _ascending(
        self, levels: Sequence[float] | Sequence[Sequence[float]]
    ) -> tuple[float, ...] | tuple[tuple[float, ...], ...]:
        """One table or several, as tuples.

        Raises:
            InvalidInput: They do not ascend, or do not go with the other choices.
        """
        several = isinstance(levels, Sequence | np.ndarray) and len(levels) > 0 and np.ndim(levels[0]) > 0
        rows: Any = levels if several else [levels]
        tables = [tuple(ascending(row).tolist()) for row in rows]
        most = max(map(len, tables))
        if most != self.n_levels:
            raise InvalidInput(f"n_levels is {self.n_levels}, but {most} levels are given; the two must agree")
        if several and (self.method == "scaled" or (self.axis is None and self.block is None)):
            raise InvalidInput(
                f"levels has {len(tables)} tables, but all values share one; pass that, or axis or block"
            )
        return tuple(tables) if several else tables[0]

    @classmethod
    def of(cls, table: Levels) -> Self:
        """The codec that encodes other arrays by this table, found beforehand.

        Args:
            table: What `levels` or `Levels.load` returned. One table goes with arrays of any shape; tables along an
                axis want as many indices there.

        Raises:
            InvalidInput: Fields of the table were replaced by what no table has.

        Example:
            >>> corpus = [[0.0, 10.0], [1.0, 20.0], [3.0, 50.0]]
            >>> codec = Codec.of(levels(corpus, 2, axis=1, objective="mse"))
            >>> codec.decode(codec.encode([[2.0, 30.0]], seed=0))
            array([[ 3., 15.]])
        """
        rows, counts = table._rows(table.shape)
        choices: dict[str, Any] = {"objective": table.objective, "axis": table.axis, "block": table.block}
        if table.method == "rotation":
            return cls(method="rotation", n_levels=rows.shape[1], **choices)
        tables = [np.unique(row[:count] + 0.0).tolist() for row, count in zip(rows, counts, strict=True)]
        return cls(
            method="scaled" if table.method == "scaled" else "given",
            n_levels=max(map(len, tables)),
            levels=tables if table.counts is not None else tables[0],
            scale=table.scale,
            **choices,
        )

    @property
    def s(self) -> int:
        """The old name of `n_levels`."""
        warn_renamed("Codec.s", "Codec.n_levels")
        return self.n_levels

    def fit(self, x: Numbers) -> Levels:
        """The levels that `encode` takes for `x`, with the error they cost."""
        values = non_empty(x)
        if self.method == "given" or self.levels is not None:
            return self._given(values).cover(values)
        options: dict[str, Any] = {"objective": self.objective, "axis": self.axis, "block": self.block}
        if self.method == "scaled":
            options["scale"] = self.scale
        return levels(values, self.n_levels, method=self.method, **options)

    def encode(self, x: Numbers, *, seed: int, stream: int = 0) -> Codes:
        """Round `x` to levels chosen for it, or to the given ones fitted to it.

        Args:
            x: What `levels` takes.
            seed: Of the random rounding, in [0, 2**64).
            stream: A different number for each worker, step or layer, in [0, 2**56).
        """
        values = non_empty(x)
        if self.levels is not None:
            table = self._given(values)
        elif self.method == "uniform":
            table = uniform_levels(values, self.n_levels, self.objective, self.axis, self.block)
        else:
            table = self.fit(values)
        return encode(values, table, seed=seed, stream=stream)

    def decode(self, codes: Codes) -> NDArray[Any]:
        """The array that `codes` stand for, in the dtype of its source."""
        return decode(codes)

    def to_dict(self) -> dict[str, Any]:
        """The choices, ready for JSON."""
        listed = [list(row) if isinstance(row, tuple) else row for row in self.levels or ()]
        choices = asdict(self) | {"levels": listed or None}
        if self.scale is None:
            del choices["scale"]  # as older versions wrote it
        return choices

    @classmethod
    def from_dict(cls, choices: Mapping[str, Any]) -> Self:
        """Make the codec that `to_dict` described.

        Raises:
            CorruptData: `choices` do not have that form.
        """
        try:
            choices = dict(choices)
            if "s" in choices:  # what older plans call it
                choices["n_levels"] = choices.pop("s")
            return cls(**choices)
        except (BeforehandError, TypeError, ValueError) as error:
            raise CorruptData(f"not a valid description of a Codec ({error}); pass what to_dict() returned") from error

    def _given(self, values: Values) -> Levels:
        """The given levels fitted to these values; their error is not known yet."""
        shape, tables = values.data.shape, self._tables()
        if self.method == "scaled":
            return Levels(
                values=np.array(tables[0]), method="scaled", objective=self.objective, shape=shape,
                block=self.block or SCALED_BLOCK, scale=self.scale or "float16",
            )  # fmt: skip
        groups = grouping(shape, self.axis, self.block)
        if len(tables) not in (1, groups.count):
            raise InvalidInput(
                f"x has shape {shape}, which axis={self.axis} and block={self.block} cut into {groups.count} groups, "
                f"but the codec has {len(tables)} tables; pass x with {len(tables)}"
            )
        padded = np.array([row + row[-1:] * (self.n_levels - len(row)) for row in tables])
        fit, counts = fitted(padded, values, groups, self.objective)
        return Levels.of(
            values, fit, counts, method="given", objective=self.objective, axis=self.axis, block=self.block
        )

    def _tables(self) -> tuple[tuple[float, ...], ...]:
        """The given levels as one table or several."""
        given: Any = self.levels or ()
        return given if isinstance(given[0], tuple) else (given,)


Codec.__init__ = renamed_arguments(s="n_levels")(Codec.__init__)  # type: ignore[method-assign]
