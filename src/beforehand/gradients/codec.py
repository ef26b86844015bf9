"""What every codec can do, and how its options travel as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, get_args

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.gradients.exchange import Encoder
from beforehand.gradients.layout import Layout
from beforehand.gradients.wire import WireBytes

Reduction: TypeAlias = Literal["sum", "combine", "gather"]
Transport: TypeAlias = Literal["auto", "allreduce", "two_shot", "gather", "aggregator"]
T = TypeVar("T")


class Codec(Protocol):
    """A frozen dataclass of options, which opens encoders."""

    def __hash__(self) -> int:
        """By its options."""

    @property
    def name(self) -> str:
        """As JSON and tables show it."""

    @property
    def unbiased(self) -> bool:
        """Whether the mean over many seeds is the true one."""

    @property
    def homomorphic(self) -> bool:
        """Whether the sum of codes is the code of the sum."""

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        """What it can use, the best first."""

    def open(
        self,
        layout: Layout,
        *,
        rank: int,
        workers: int,
        reduction: Reduction,
        bucket: int = 0,
        step: int = 0,
        threads: int = 1,
    ) -> Encoder:
        """An encoder for one worker's bucket, at this step of the run; results do not depend on `threads`."""

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""

    def expected_vnmse(
        self, workers: int, *, correlation: float, norms: Sequence[float] | None = None, fill: float = 1.0
    ) -> float | None:
        """The error to expect at this agreement (rho) of the workers; None where there is no closed form."""

    def to_json(self) -> str:
        """The options."""


def codec_to_json(codec: Any) -> str:
    """The name and the options of a codec."""
    return json.dumps({"codec": codec.name} | asdict(codec))


def options_from_json(kind: type[T], name: str, text: str) -> T:
    """The codec of this kind that `codec_to_json` wrote; options that are left out take their defaults.

    Raises:
        CorruptData: It is not such JSON.
        InvalidInput: It is another codec, or an option is unknown or out of range.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"{text[:60]!r} is not JSON of a codec ({error})") from error
    if not isinstance(given, dict) or "codec" not in given:
        raise CorruptData(f"{text[:60]!r} does not describe a codec; pass what to_json() returned")
    options = dict(given)
    if options.pop("codec") != name:
        raise InvalidInput(f"codec is {given['codec']!r}, but must be {name!r} here")
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for option in options:
        if option not in known:
            raise InvalidInput(f"{name} has no option {option}; its options are {', '.join(known)}")
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        if isinstance(error, BeforehandError):
            raise
        raise CorruptData(f"{text[:60]!r} does not describe {name} ({error})") from error


def check_open(codec: Codec, *, rank: int, workers: int, reduction: str) -> None:
    """Raise unless the codec can be opened so."""
    if not 0 <= rank < workers:
        raise InvalidInput(f"rank is {rank}, but must be from 0 to {workers - 1} for {workers} workers")
    if reduction not in codec.reductions:
        raise InvalidInput(f"reduction is {reduction!r}, but {codec.name} can use {', '.join(codec.reductions)}")


def check_transport(name: str, transport: str, allowed: tuple[Transport, ...]) -> None:
    """Raise unless this transport can carry the codec."""
    if transport not in get_args(Transport) or transport not in ("auto", *allowed):
        raise InvalidInput(f"transport is {transport!r}, but {name} takes {', '.join(('auto', *allowed))}")
