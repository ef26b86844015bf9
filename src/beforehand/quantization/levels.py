"""The levels that a set of numbers is rounded to, chosen for these very numbers."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray


@final
@dataclass(frozen=True, eq=False)
class Levels:
    """Tables of levels, what they cost in squared error, and how sure that is.

    `values` is `(s,)` for one group, else `(groups, s)` with short tables padded by repeating their last level.
    """

    values: NDArray[Any]
    counts: NDArray[np.int64] | None
    s: int
    method: str
    objective: str
    axis: int | None
    block: int | None
    dtype: np.dtype[Any]
    squared_error: float
    vnmse: float
    group_squared_error: NDArray[np.float64] | None
    gap: float | None
    exact: bool
    grid_index: NDArray[np.int64] | None
    shape: tuple[int, ...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The tables alone, as numpy sees them."""
        return np.array(self.values, dtype=dtype, copy=copy)
