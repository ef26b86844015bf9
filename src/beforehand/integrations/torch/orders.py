"""What `compare` and its workers tell each other."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from beforehand.core.errors import InvalidInput
from beforehand.gradients.codec import Codec, Reduction, Transport
from beforehand.gradients.codecs import REDUCTIONS, chosen_transport, described
from beforehand.integrations.torch.job import Job


@final
@dataclass(frozen=True)
class Method:
    """How gradients travel: a codec over a transport, or what a function of the model attaches."""

    label: str
    codec: Codec | None
    transport: Transport = "auto"
    attach: Callable[[Any], object] | None = None
    warmup_steps: int = 3

    @property
    def reduction(self) -> Reduction:
        """What the transport of the codec amounts to."""
        assert self.codec is not None
        return REDUCTIONS[chosen_transport(self.codec, self.transport)]

    @classmethod
    def of(cls, given: Any) -> "Method":
        """What was meant by a codec, a pair of codec and transport, or a function.

        Raises:
            InvalidInput: It is none of these, or a function that no other process can import.
        """
        codec: Any
        transport: Transport
        codec, transport = given if isinstance(given, tuple) and len(given) == 2 else (given, "auto")
        if hasattr(codec, "wire_bytes"):
            return cls(label_of(codec, transport), codec, transport)
        if not callable(given):
            raise InvalidInput(
                f"a method is {given!r}, but must be a codec, a pair (codec, transport), or a function of the model"
            )
        check_importable("method", given)
        return cls(given.__name__, None, attach=given)


def label_of(codec: Codec, transport: str) -> str:
    """A codec, and how it travels unless by itself."""
    return described(codec) if transport == "auto" else f"{described(codec)} by {transport}"


def check_importable(what: str, given: Any) -> None:
    """Raise unless another process can have it.

    Raises:
        InvalidInput: It is defined in the program itself, or does not pickle.
    """
    owner = given if hasattr(given, "__qualname__") else type(given)
    if owner.__module__ == "__main__":
        raise InvalidInput(
            f"{what} {owner.__qualname__} is defined in the program itself, which other processes cannot import; "
            "put it into a module"
        )
    try:
        pickle.dumps(given)
    except Exception as error:
        raise InvalidInput(f"{what} {owner.__qualname__} does not pickle ({error}); put it into a module") from error


@final
@dataclass(frozen=True, kw_only=True)
class Team:
    """What a worker needs to know once."""

    job: Job
    methods: tuple[Method, ...]
    rank: int
    workers: int
    address: str
    threads: int


@final
@dataclass(frozen=True, kw_only=True)
class Order:
    """One training: with which method, and until when.

    Args:
        method: Its number.
        seed: Of weights and batches.
        target: A metric and its value; training ends when an evaluation has passed it.
        steps: At most.
        seconds: Of training, at most; evaluations do not count.
        warm: Steps before bytes and phases are counted.
        evaluate: Every `evaluate_every` steps and at the end.
        least: Steps that are taken even if `seconds` are over.
    """

    method: int
    seed: int
    target: tuple[str, float] | None
    steps: int
    seconds: float
    warm: int
    evaluate: bool = True
    least: int = 0


class Point(NamedTuple):
    """One evaluation: after so many steps and seconds of training."""

    steps: int
    seconds: float
    metrics: dict[str, float]


class Trained(NamedTuple):
    """What one rank tells of a training; only rank 0 evaluates.

    Args:
        step_seconds: Of each step.
        curve: The evaluations.
        reached: Where the target was met.
        phases: Seconds of a step by phase, mean of the steps that count.
        sent: Bytes of a step, without headers, as the codec's carrier counts them.
    """

    step_seconds: tuple[float, ...]
    curve: tuple[Point, ...]
    reached: Point | None
    phases: dict[str, float] | None
    sent: float | None
