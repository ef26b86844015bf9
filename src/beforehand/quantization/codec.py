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
from beforehand.quantization.levels import Levels, levels, uniform_levels
from beforehand.quantization.options import MOST_LEVELS, Method, Objective, Scale, ascending, check_objective, whole
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
        levels: Strictly ascending; only with `"given"`. The ends move to the minimum and maximum of the values that
            share a table, so that rounding stays unbiased; with `"mse"` they stay.

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
    levels: Sequence[float] | None = None
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
        if (self.method == "given") != (self.levels is not None):
            raise InvalidInput(f'method is {self.method!r}, but "given" and levels= go together; pass both or neither')
        if self.scale is not None and (self.method != "scaled" or self.scale not in get_args(Scale)):
            raise InvalidInput(
                f"scale is {self.scale!r}, but must be one of {', '.join(get_args(Scale))}, with method='scaled' only"
            )
        if self.levels is None:
            return
        table = ascending(self.levels)
        if table.size != self.n_levels:
            raise InvalidInput(f"n_levels is {self.n_levels}, but {table.size} levels are given; the two must agree")
        object.__setattr__(self, "levels", tuple(table.tolist()))

    @property
    def s(self) -> int:
        """The old name of `n_levels`."""
        warn_renamed("Codec.s", "Codec.n_levels")
        return self.n_levels

    def fit(self, x: Numbers) -> Levels:
        """The levels that `encode` takes for `x`, with the error they cost."""
        values = non_empty(x)
        if self.method == "given":
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
        if self.method == "given":
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
        choices = asdict(self) | {"levels": None if self.levels is None else list(self.levels)}
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
        groups = grouping(values.data.shape, self.axis, self.block)
        tables, counts = fitted(np.array([self.levels]), values, groups, self.objective)
        return Levels.of(
            values, tables, counts, method="given", objective=self.objective, axis=self.axis, block=self.block
        )


Codec.__init__ = renamed_arguments(s="n_levels")(Codec.__init__)  # type: ignore[method-assign]
