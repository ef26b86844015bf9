"""What a plan may choose among: codecs and their transports, their error on a sample, and their figures."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, NamedTuple, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.core.report import Outcome
from beforehand.gradients import theory
from beforehand.gradients.adaptive import Adaptive
from beforehand.gradients.block_float8 import BlockFloat8
from beforehand.gradients.block_int import BlockInt
from beforehand.gradients.buckets import Buckets
from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec, Transport
from beforehand.gradients.codecs import REDUCTIONS, chosen_transport, codec_from_json, described, transports_of
from beforehand.gradients.local import drive_local
from beforehand.gradients.low_rank import LowRank
from beforehand.gradients.metrics import vnmse
from beforehand.gradients.sample import Sample
from beforehand.gradients.simulate import WINDOW
from beforehand.gradients.thc import THC
from beforehand.gradients.topk import TopK
from beforehand.gradients.topk_chunked import TopKChunked
from beforehand.gradients.wire import WireBytes

Candidates: TypeAlias = Sequence[Codec | tuple[Codec, Transport]]

CASTS: Final = (Cast("float32"), Cast("float16"), Cast("bfloat16"))
DEFAULT: Final[tuple[Codec, ...]] = (
    *(THC(bits="lane", lanes=lanes) for lanes in (6, 7, 8, 10)),
    THC(bits=4),
    THC(bits=3),
    BlockInt(bits=8, block=256),
    BlockInt(bits=4, block=32),
    BlockFloat8(),
    Adaptive(bits=4, block=4096),
    Adaptive(bits=4, block=1024),
    *(TopKChunked(bits_per_coordinate=bits) for bits in (0.5, 2.0, 8.0)),
    *(LowRank(rank=rank) for rank in (1, 2, 4, 8)),
    *(TopK(density=density) for density in (0.01, 0.1)),
)


class Way(NamedTuple):
    """A codec and what carries it."""

    codec: Codec
    transport: Transport

    @property
    def name(self) -> str:
        """In tables; what carries a cast goes without saying."""
        named = described(self.codec)
        return named if isinstance(self.codec, Cast) else f"{named} by {self.transport}"


def ways(codecs: Candidates, *, aggregator: bool) -> Iterator[Way]:
    """Both casts and full precision, then all that is worth a try of each codec; where a transport is named, only it.

    Codes that may travel as codes do not travel as lanes: lanes then hold what more levels would fill.

    Raises:
        InvalidInput: What is given is no codec, or the transport cannot carry it.
    """
    seen = set()
    for each in (*CASTS, *codecs):
        named = each if isinstance(each, tuple) else (each, None)
        if len(named) != 2 or isinstance(named[0], type) or not hasattr(named[0], "wire_bytes"):
            raise InvalidInput(f"candidates hold {each!r}, but each must be a codec, or a codec and its transport")
        codec, transport = named
        if transport is not None:
            found: tuple[Transport, ...] = (chosen_transport(codec, transport),)
        else:
            found = tuple(
                way
                for way in transports_of(codec)
                if (way != "allreduce" or codec.reductions[0] == "sum") and (way != "aggregator" or aggregator)
            )
        for way in found:
            if (codec, way) not in seen:
                seen.add((codec, way))
                yield Way(codec, way)


class Errors(NamedTuple):
    """How far off a codec was on a sample.

    Args:
        value: The mean vNMSE of steps; with feedback, that of the sum over the last 20 steps or fewer.
        draws: vNMSE of each step; with feedback, that of the sum of all steps so far.
        closed_form: What theory expects; None where there is no closed form.
    """

    value: float
    draws: NDArray[np.float64]
    closed_form: float | None


def remembers(codec: Codec) -> bool:
    """Whether what a round did not send is added to the next gradient."""
    return getattr(codec, "feedback", "none") != "none"


def errors_of(way: Way, sample: Sample, workers: int) -> Errors:
    """Run a codec on the sample's rows in this process.

    With fewer recorded workers than asked for, the codec is opened as for all of them, and errors are those of the
    recorded ones: an upper bound, since errors agree less than gradients do.

    Raises:
        CapacityExceeded: The codec cannot add so many workers.
    """
    rows = sample.of(workers)
    codec = _settled(way.codec, workers)
    n = rows.shape[1]
    encoders = [
        codec.open(sample.layout, rank=rank, workers=n, reduction=REDUCTIONS[way.transport]) for rank in range(n)
    ]
    if isinstance(codec, THC) and not remembers(codec):  # let it choose its table first
        drive_local(encoders, list(rows[0]))
    each, together = [], []
    drift, energy = np.zeros((2, sample.layout.size))
    for index, step in enumerate(rows):
        true = step.mean(axis=0, dtype=np.float64)
        mean = drive_local(encoders, list(step)).means[0]
        if index % WINDOW == 0:
            drift[:], energy[:] = 0, 0
        drift += mean
        energy += true
        each.append(vnmse(mean, true))
        together.append(vnmse(drift, energy))
    draws = np.array(together if remembers(codec) else each)
    value = float(draws[-1] if remembers(codec) else draws.mean())
    return Errors(value, draws, closed_form(way.codec, sample, workers))


def try_all(
    sample: Sample, buckets: Buckets, candidates: Candidates | None, *, aggregator: bool
) -> tuple[dict[Way, Errors], tuple[str, ...]]:
    """The errors of all ways that can be taken, and which cannot, with the reason; None is all families.

    Raises:
        InvalidInput: `candidates` is no sequence of codecs, or the mean of a step is zero, but not in float32.
    """
    if isinstance(candidates, str) or not isinstance(candidates, Sequence | None):
        raise InvalidInput(f"candidates is {candidates!r}, but must be a sequence of codecs; pass [{candidates!r}]")
    found, refused = {}, []
    for way in ways(DEFAULT if candidates is None else candidates, aggregator=aggregator):
        try:
            buckets.sent(*way)
            errors = errors_of(way, sample, buckets.workers)
        except (CapacityExceeded, InvalidInput) as error:
            refused.append(f"{way.name}, as {error}")
            continue
        if np.isfinite(errors.draws).all():
            found[way] = errors
        else:
            refused.append(f"{way.name}, as its error on the sample is not finite")
    if CASTS[0] not in [way.codec for way in found]:
        raise InvalidInput(
            "gradients of all workers cancel in some step, so that no error is a share of it; leave it out"
        )
    return found, tuple(refused)


def closed_form(codec: Codec, sample: Sample, workers: int) -> float | None:
    """The error that theory expects of so many workers who agree as those of the sample do."""
    if remembers(codec):
        return None
    if isinstance(codec, THC) and workers <= sample.workers:
        return float(np.mean([codec.foretell(step) for step in sample.of(workers)]))
    r = theory.pairwise_correlation(sample.rho(sample.workers), [1.0] * sample.workers)
    return codec.expected_vnmse(workers, correlation=(1 + (workers - 1) * r) / workers)


def _settled(codec: Codec, workers: int) -> Codec:
    """The codec as it is after its first steps, for all of the workers."""
    if isinstance(codec, LowRank):
        return replace(codec, start_step=0)
    return replace(codec, granularity=codec.granularity_for(workers)) if isinstance(codec, THC) else codec


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A codec and a transport that were tried.

    Args:
        codec: With all of its options.
        transport: What carries it.
        step: Seconds of a training step.
        vnmse: Error of a step on the sample; with feedback, of the sum of its steps.
        closed_form: vNMSE that theory expects; None where there is no closed form.
        up: Bytes that one worker sends in a step before the sums exist.
        down: Bytes that it sends of the sums; with an aggregator, that it receives.
        encode: Seconds of a step in which one worker encodes.
        accumulate: In which it adds.
        exchange: In which bytes travel.
        decode: In which it decodes.
        piloted: Whether a pilot was run; without one or where it could not win, it was not.
        steps: To the target loss in the pilot; None where it was never reached.
        loss: At the end of the pilot; None where it was not finite.
    """

    codec: Codec
    transport: Transport
    step: Outcome
    vnmse: Outcome
    closed_form: float | None
    up: float
    down: float
    encode: float
    accumulate: float
    exchange: float
    decode: float
    piloted: bool = False
    steps: float | None = None
    loss: float | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        if chosen_transport(self.codec, self.transport) != self.transport:
            raise InvalidInput(f"transport is {self.transport!r}, but must be one that a codec is carried by")
        if not isinstance(self.piloted, bool):
            raise InvalidInput(f"piloted is {self.piloted!r}, but must be true or false")
        for name in ("up", "down", "encode", "accumulate", "exchange", "decode", "closed_form", "steps", "loss"):
            given = getattr(self, name)
            if given is None and name in ("closed_form", "steps", "loss"):
                continue
            number = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
            if not number or (given < 0 and name != "loss"):
                raise InvalidInput(f"{name} is {given!r}, but must be a finite number of at least 0")

    @property
    def design(self) -> str:
        """What tables call it."""
        return self.step.design

    @property
    def way(self) -> Way:
        """Codec and transport."""
        return Way(self.codec, self.transport)

    @property
    def sent(self) -> WireBytes:
        """Bytes of one worker in a step."""
        return WireBytes(self.up, self.down)

    @property
    def remembers(self) -> bool:
        """Whether what a round did not send is added to the next gradient."""
        return remembers(self.codec)

    @property
    def seconds_to_target(self) -> float | None:
        """Steps to the target, times their seconds."""
        return None if self.steps is None else self.steps * self.step.value

    def to_dict(self) -> dict[str, Any]:
        """What JSON holds of it."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {
            "codec": json.loads(self.codec.to_json()),
            "step": asdict(self.step),
            "vnmse": asdict(self.vnmse),
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """What `to_dict` gave."""
        outcomes = {name: Outcome(**given[name]) for name in ("step", "vnmse")}
        return cls(**given | outcomes | {"codec": codec_from_json(json.dumps(given["codec"]))})
