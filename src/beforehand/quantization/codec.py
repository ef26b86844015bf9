"""Encoding with the choices frozen: what a plan builds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.quantization.codes import Codes, decode, encode
from beforehand.quantization.groups import Groups
from beforehand.quantization.inputs import as_values, non_empty, whole
from beforehand.quantization.levels import Levels, Method, Objective, compact, enclosing, levels, ranges

METHODS = (*get_args(Method), "given")


@final
@dataclass(frozen=True, kw_only=True)
class Codec:
    """Encode array after array in the same way.

    Args:
        method: `"exact"`, `"histogram"`, `"uniform"`, `"rotation"` or `"auto"` find levels for each array, as `levels`
            does; `"given"` takes those in `levels`.
        s: How many levels, at most.
        objective: `"unbiased"` or `"mse"`.
        axis: One table for each index along this axis.
        block: One table for each run of so many values of the last axis; excludes `axis`. For `"rotation"` the
            largest number of values rotated together, which may go with `axis`.
        levels: Strictly ascending; only with `"given"`. The ends move to the minimum and maximum of the values that
            share a table, so that rounding stays unbiased; with `"mse"` they stay.

    Guarantee:
        The same array, seed and stream give the same bytes, also after a round trip through `to_dict`.

    Cost:
        That of `levels`, `encode` and `decode`; `"given"` saves the search for levels.

    Raises:
        InvalidInput: the choices contradict each other.

    Example:
        >>> codec = Codec(method="exact", s=4)
        >>> codes = codec.encode([0.0, 1.0, 2.0, 3.0, 10.0], seed=0)
        >>> codec.decode(codes)[[0, 4]]
        array([ 0., 10.])
    """

    method: Method | Literal["given"]
    s: int
    objective: Objective = "unbiased"
    axis: int | None = None
    block: int | None = None
    levels: Sequence[float] | None = None

    def __post_init__(self) -> None:
        """Refuse choices that contradict each other."""
        if self.method not in METHODS:
            raise InvalidInput(f"method is {self.method!r}, but must be one of {', '.join(METHODS)}")
        if self.objective not in get_args(Objective):
            raise InvalidInput(f'objective is {self.objective!r}, but must be "unbiased" or "mse"')
        object.__setattr__(self, "s", whole("s", self.s))
        if self.axis is not None and self.block is not None and self.method != "rotation":
            raise InvalidInput(f"axis is {self.axis} and block is {self.block}, but only one may group; leave one out")
        if (self.method == "given") != (self.levels is not None):
            raise InvalidInput(f'method is {self.method!r}, but "given" and levels= go together; pass both or neither')
        if self.levels is None:
            return
        table = np.asarray(self.levels, dtype=np.float64)
        if table.ndim != 1 or not np.all(np.isfinite(table)) or not np.all(table[1:] > table[:-1]):
            raise InvalidInput(
                "levels must be finite, 1-D and strictly ascending, but are not; sort them, drop equal ones"
            )
        if table.size != self.s:
            raise InvalidInput(f"s is {self.s}, but {table.size} levels are given; the two must agree")
        object.__setattr__(self, "levels", tuple(table.tolist()))

    def fit(self, x: Any) -> Levels:
        """The levels that `encode` takes for `x`, with the error they cost."""
        if self.method == "given":
            return self._unscored(x).cover(x)
        return levels(x, self.s, method=self.method, objective=self.objective, axis=self.axis, block=self.block)

    def encode(self, x: Any, *, seed: int, stream: int = 0) -> Codes:
        """Round `x` to levels found for it, or to the given ones fitted to it.

        Args:
            x: What `levels` takes.
            seed: Of the random rounding, in [0, 2**64).
            stream: A number of one's own for each worker, step or layer, in [0, 2**56).
        """
        known = self.method in ("uniform", "given")  # and need no pass over x but for its range
        return encode(x, self._unscored(x) if known else self.fit(x), seed=seed, stream=stream)

    def decode(self, codes: Codes) -> NDArray[Any]:
        """The array that `codes` stand for, in the dtype of its source."""
        return decode(codes)

    def to_dict(self) -> dict[str, Any]:
        """The choices as JSON can hold them."""
        return asdict(self) | {"levels": None if self.levels is None else list(self.levels)}

    @classmethod
    def from_dict(cls, choices: Mapping[str, Any]) -> Self:
        """The codec that `to_dict` described.

        Raises:
            CorruptData: `choices` are not of that form.
        """
        try:
            return cls(**choices)
        except (BeforehandError, TypeError, ValueError) as error:
            raise CorruptData(f"these choices make no Codec ({error}); pass what to_dict() returned") from error

    def _unscored(self, x: Any) -> Levels:
        values = non_empty(as_values(x))
        groups = Groups.of(values.shape, self.axis, self.block)
        ends = ranges(values, groups)
        if self.levels is None:
            share = np.arange(self.s) / (self.s - 1) if self.s > 1 else np.array([0.5])
            tables = np.clip(ends[:, :1] * (1 - share) + ends[:, 1:] * share, ends[:, :1], ends[:, 1:])
        else:
            tables = np.tile(self.levels, (groups.count, 1))
        with np.errstate(over="ignore"):
            tables = tables.astype(values.level_dtype).astype(np.float64) + 0.0
        if self.levels is not None and self.objective == "unbiased":
            tables = enclosing(tables, ends)
        tables = compact(tables)
        counts = np.count_nonzero(tables[:, 1:] > tables[:, :-1], axis=1) + 1
        s = int(counts.max())
        several = self.axis is not None or self.block is not None
        made = tables[:, :s].astype(values.level_dtype)
        return Levels(
            values=made if several else made[0],
            counts=counts if several else None,
            s=s,
            method=self.method,
            objective=self.objective,
            axis=self.axis,
            block=self.block,
            dtype=values.level_dtype,
            shape=values.shape,
            squared_error=math.nan,
            vnmse=math.nan,
            group_squared_error=None,
            gap=None,
            exact=False,
            grid_index=None,
        )
