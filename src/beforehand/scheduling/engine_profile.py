"""What one iteration of an LLM engine costs, and the two profiles that are shipped."""

import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import writing
from beforehand.core.plan import bounded_json
from beforehand.scheduling.inputs import MOST, checked, kind_of, settle, whole

Floats = NDArray[np.float64]
FORMAT: Final = 1
MOST_TOKENS: Final = 2**40
DECODES: Final = 128  # the batch whose slope is the price of a decoded token


class WorkRates(NamedTuple):
    """Engine seconds for one more token of prompt, of answer, and of context under a decoded token."""

    prefill: float
    decode: float
    context: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class EngineProfile:
    """How long an iteration of an LLM engine takes, and what its KV cache holds.

    An iteration with `n` new tokens, `x` tokens of context over all decoding requests and `p` prefill pairs (new token
    times context token) takes `step_seconds(n, x, p)`: linear between the grid points, constant below the first, along
    the last slope above the last, or constant where that slope falls.

    Args:
        name: What the profile is called.
        tokens: New tokens of an iteration at each grid point, rising; int64.
        seconds: What such an iteration takes without context; float64, of the same length.
        seconds_per_context_token: Further seconds for each token of context of a decoding request.
        seconds_per_prefill_pair: Further seconds for each prefill pair.
        saturation: New tokens in an iteration beyond which throughput hardly grows; see `saturation_of`.
        block_size: Tokens in a block of the KV cache.
        kv_bytes_per_token: Bytes of KV cache for a token.
        kv_tokens: Tokens that the KV cache holds.
        swap_bytes_per_second: Speed of a copy between device and host.
        swap_latency: Seconds that every copy takes on top.
        swap_overlap: Share of a copy that is hidden behind the forward pass, from 0 to 1.
        source: Where the numbers come from.
        error_p50: Median of the relative error on steps that were held out; nan if unknown.
        error_p95: Its 95th percentile.

    Raises:
        InvalidInput: a field is of another type, out of range, or the grid does not rise.

    Example:
        >>> profile = EngineProfile(
        ...     "toy", tokens=[1, 101], seconds=[0.01, 0.02], saturation=64, kv_bytes_per_token=1000, kv_tokens=4096
        ... )
        >>> profile.step_seconds(51)
        0.015
        >>> profile.step_seconds([1, 101, 201])
        array([0.01, 0.02, 0.03])
    """

    name: str
    _: KW_ONLY
    tokens: ArrayLike
    seconds: ArrayLike
    seconds_per_context_token: float = 0.0
    seconds_per_prefill_pair: float = 0.0
    saturation: int
    block_size: int = 16
    kv_bytes_per_token: int
    kv_tokens: int
    swap_bytes_per_second: float = 25e9
    swap_latency: float = 0.0
    swap_overlap: float = 0.0
    source: str = ""
    error_p50: float = math.nan
    error_p95: float = math.nan
    _grid: list[float] = field(init=False, repr=False)
    _seconds: list[float] = field(init=False, repr=False)
    _slopes: list[float] = field(init=False, repr=False)
    _beyond: float = field(init=False, repr=False)  # the slope above the grid; noise must not let time run out there
    _rates: dict[int, WorkRates] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check the fields, and find the slopes."""
        for name in ("name", "source"):
            kind_of(name, getattr(self, name), str, "text")
        tokens, seconds = _grid_of(self.tokens, self.seconds)
        settle(
            self,
            tokens=tokens,
            seconds=seconds,
            saturation=whole("saturation", self.saturation, least=1, most=MOST_TOKENS),
            block_size=whole("block_size", self.block_size, least=1, most=2**20),
            kv_bytes_per_token=whole("kv_bytes_per_token", self.kv_bytes_per_token, least=1, most=2**40),
            kv_tokens=whole("kv_tokens", self.kv_tokens, least=1, most=MOST_TOKENS),
            swap_bytes_per_second=checked("swap_bytes_per_second", self.swap_bytes_per_second, most=MOST, above=True),
            swap_overlap=checked("swap_overlap", self.swap_overlap, most=1.0),
            _grid=tokens.astype(np.float64).tolist(),
            _seconds=seconds.tolist(),
            _slopes=(np.diff(seconds) / np.diff(tokens)).tolist(),
        )
        for name in ("seconds_per_context_token", "seconds_per_prefill_pair", "swap_latency"):
            settle(self, **{name: checked(name, getattr(self, name), most=1e9)})
        settle(self, _beyond=max([0.0, *self._slopes[-1:]]))
        for name in ("error_p50", "error_p95"):
            value = getattr(self, name)
            settle(self, **{name: value if value != value else checked(name, value, most=MOST)})

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal; an unknown error equals an unknown one."""
        return self.to_json() == other.to_json() if isinstance(other, EngineProfile) else NotImplemented

    def __hash__(self) -> int:
        """By name and grid."""
        return hash((self.name, *self._seconds))

    @overload
    def step_seconds(self, n: float, context: float = 0, pairs: float = 0) -> float: ...
    @overload
    def step_seconds(self, n: ArrayLike, context: ArrayLike = 0, pairs: ArrayLike = 0) -> float | Floats: ...
    def step_seconds(self, n: ArrayLike, context: ArrayLike = 0, pairs: ArrayLike = 0) -> float | Floats:
        """How long an iteration takes, in seconds.

        Args:
            n: New tokens, or an array of them.
            context: Tokens of context over all decoding requests.
            pairs: New prefill tokens, each times the context that it attends to.

        Cost:
            Half a microsecond for numbers; arrays go through numpy.
        """
        if isinstance(n, int | float) and isinstance(context, int | float) and isinstance(pairs, int | float):
            extra = context * self.seconds_per_context_token + pairs * self.seconds_per_prefill_pair
            place = bisect_right(self._grid, n) - 1
            if place < 0:
                return self._seconds[0] + extra
            if place >= len(self._slopes):
                return self._seconds[-1] + (n - self._grid[-1]) * self._beyond + extra
            return self._seconds[place] + (n - self._grid[place]) * self._slopes[place] + extra
        many = np.asarray(n, np.float64)
        base = np.interp(many, self._grid, self._seconds)
        base = base + np.maximum(many - self._grid[-1], 0.0) * self._beyond
        context, pairs = np.asarray(context, np.float64), np.asarray(pairs, np.float64)
        return np.asarray(base + context * self.seconds_per_context_token + pairs * self.seconds_per_prefill_pair)

    def work_rates(self, budget: int) -> WorkRates:
        """Engine seconds for one more token, under a budget of `budget` new tokens an iteration."""
        found = self._rates.get(budget)
        if found is None:
            most, one = max(whole("budget", budget, least=1), 2), self.step_seconds(1)
            found = self._rates[budget] = WorkRates(
                max(self.step_seconds(most) - one, 0.0) / (most - 1),
                max(self.step_seconds(DECODES) - one, 0.0) / (DECODES - 1),
                self.seconds_per_context_token,
            )
        return found

    def swap_seconds(self, tokens: Any) -> Any:
        """How long the KV cache of so many tokens takes to the host, or back; a number or an array, in seconds."""
        return self.swap_latency + tokens * (self.kv_bytes_per_token / self.swap_bytes_per_second)

    def to_json(self) -> str:
        """The profile as JSON text; numbers that are not known are null."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        values |= {"tokens": np.asarray(self.tokens).tolist(), "seconds": self._seconds}
        known = {name: None if value != value else value for name, value in values.items()}
        return json.dumps({"format": FORMAT} | known, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The profile that `to_json` wrote.

        Raises:
            CorruptData: it is not such text, or a field is missing, unknown or out of range.
        """
        try:
            given = bounded_json(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise CorruptData(f"this is not the JSON of a profile ({error}); write it with to_json()") from error
        if not isinstance(given, dict) or given.pop("format", None) != FORMAT:
            raise CorruptData(f"a profile is a JSON object with format {FORMAT}; write it with to_json()")
        known = [each.name for each in fields(cls) if each.init]
        if unknown := given.keys() - set(known):
            raise CorruptData(f"a profile has no field {min(unknown)}; its fields are {', '.join(known)}")
        try:
            values: dict[str, Any] = {name: math.nan if value is None else value for name, value in given.items()}
            return cls(**values)
        except (TypeError, InvalidInput) as error:
            raise CorruptData(f"this is not a profile: {error}") from error

    def save(self, path: str | PathLike[str]) -> None:
        """Write the profile as a JSON file."""
        with writing(path) as file:
            file.write(self.to_json().encode() + b"\n")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read the file that `save` wrote.

        Raises:
            InvalidInput: the file cannot be read.
            CorruptData: it does not hold a profile.
        """
        try:
            text = Path(path).read_bytes().decode()
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
        except ValueError as error:
            raise CorruptData(f"{path} is not text; write a profile with save()") from error
        try:
            return cls.from_json(text)
        except CorruptData as error:
            raise CorruptData(f"{path}: {error}") from error


def saturation_of(tokens: ArrayLike, seconds: ArrayLike) -> int:
    """The smallest number of new tokens whose throughput is at least 0.9 of the best in the grid.

    On a straight line it depends on where the grid ends: name the saturation yourself there.

    Example:
        >>> saturation_of([1, 64, 256, 1024], [0.01, 0.011, 0.02, 0.08])
        256
    """
    grid, took = _grid_of(tokens, seconds)
    rate = grid / took
    return int(grid[np.argmax(rate >= 0.9 * rate.max())])


def _grid_of(tokens: ArrayLike, seconds: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Both columns of a grid, checked and read-only."""
    try:
        given, took = np.asarray(tokens), np.array(seconds, np.float64)
        exact = given.dtype.kind in "iuf" and bool((np.abs(given) <= MOST_TOKENS).all())
        grid = given.astype(np.int64) if exact else np.zeros(given.shape, np.int64)
        exact = exact and bool((grid == given).all())
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"tokens and seconds must be sequences of numbers ({error}); pass a row for each") from error
    if not exact or grid.ndim != 1 or grid.shape != took.shape or not grid.size:
        raise InvalidInput(
            f"tokens has shape {grid.shape} and seconds {took.shape}, but they must be two equally long sequences, of "
            "whole numbers and of seconds; pass a row for each grid point"
        )
    if grid[0] < 0 or grid[-1] > MOST_TOKENS or (np.diff(grid) <= 0).any():
        raise InvalidInput(f"tokens is {grid.tolist()}, but must rise from 0 or more; sort it and drop repetitions")
    if not (np.isfinite(took).all() and (took > 0).all() and took.max() <= 1e9):
        raise InvalidInput(f"seconds is {took.tolist()}, but must be above 0 and finite; drop such rows")
    grid.flags.writeable = took.flags.writeable = False
    return grid, took


NOT_YOURS: Final = "published profile, not your machine: "
_LLAMA = (9.70, 9.98, 10.13, 10.72, 11.23, 13.18, 19.49, 27.7, 34.64, 75.14, 145.57)  # ms

PROFILES: Final[Mapping[str, EngineProfile]] = {
    profile.name: profile
    for profile in (
        EngineProfile(
            "llama3-8b-a100-80g",
            tokens=[1, 8, 16, 32, 64, 128, 256, 384, 512, 1024, 2048],
            seconds=[(each + 2.5) / 1e3 for each in _LLAMA],
            seconds_per_context_token=131_072 / 1.4e12,
            seconds_per_prefill_pair=4 * 4096 * 32 / 120e12,
            saturation=384,
            kv_bytes_per_token=131_072,
            kv_tokens=400_000,
            source=NOT_YOURS + "operator times of Vidur's public profile, with 2.5 ms of host time, attention and "
            "copies assumed",
        ),
        EngineProfile(
            "gptj-6b-a100-40g",
            tokens=[0, 2048],
            seconds=[10e-3, 10e-3 + 0.0463e-3 * 2048],
            seconds_per_context_token=458_752 / 1.3e12,
            saturation=384,
            kv_bytes_per_token=458_752,
            kv_tokens=61_035,
            source=NOT_YOURS + "the fit that INFERCEPT ships, with attention and copies assumed",
        ),
    )
}
