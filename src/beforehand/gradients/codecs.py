"""All codecs by name, and which transport carries which."""

import json
from typing import Any, Final

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients.adaptive import Adaptive
from beforehand.gradients.block_float8 import BlockFloat8
from beforehand.gradients.block_int import BlockInt
from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec, Reduction, Transport
from beforehand.gradients.integer_shards import NO_INTEGERS
from beforehand.gradients.low_rank import LowRank
from beforehand.gradients.qsgd import QSGD
from beforehand.gradients.terngrad import TernGrad
from beforehand.gradients.thc import THC
from beforehand.gradients.topk import TopK
from beforehand.gradients.topk_chunked import TopKChunked

CODECS: Final[dict[str, Any]] = {
    kind.name: kind for kind in (Cast, THC, TopKChunked, TopK, LowRank, BlockInt, BlockFloat8, Adaptive, QSGD, TernGrad)
}
REDUCTIONS: Final[dict[Transport, Reduction]] = {
    "allreduce": "sum",
    "two_shot": "combine",
    "aggregator": "combine",
    "gather": "gather",
}


def codec_from_json(text: str) -> Codec:
    """The codec that some codec's `to_json` wrote; options that are left out take their defaults.

    Raises:
        CorruptData: `text` is not JSON of a codec.
        InvalidInput: There is no such codec, or an option is unknown or out of range.

    Example:
        >>> codec_from_json('{"codec": "TopK", "density": 0.1}')
        TopK(density=0.1, value_dtype='float16', index='int32', both_ways=False, feedback='full')
    """
    try:
        name = json.loads(text)["codec"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptData(
            f"{text[:60]!r} does not describe a codec; pass what to_json() returned, such as {_example(text)}"
        ) from error
    if not isinstance(name, str) or name not in CODECS:
        raise InvalidInput(f"codec is {name!r}, but must be one of {', '.join(CODECS)}")
    codec: Codec = CODECS[name].from_json(text)
    return codec


def check_codec(codec: object) -> None:
    """Raise unless this is a codec, and no name, JSON or class of one.

    Raises:
        InvalidInput: It is none.
    """
    if isinstance(codec, type) or not hasattr(codec, "wire_bytes"):
        raise InvalidInput(f"codec is {codec!r}, but must be a codec with its options, such as THC(bits=4)")


def described(codec: Codec) -> str:
    """A codec as tables name it: with the options that are not its defaults; a `Cast` is the name of its dtype.

    Example:
        >>> described(THC(bits=3, lanes=10)), described(THC()), described(Cast("float16"))
        ('THC(bits=3, lanes=10)', 'THC', 'float16')
    """
    if isinstance(codec, Cast):
        return codec.dtype
    plain = type(codec)()
    options = [f"{name}={value!r}" for name, value in vars(codec).items() if value != getattr(plain, name)]
    return codec.name + (f"({', '.join(options)})" if options else "")


def _example(text: str) -> str:
    """JSON of the codec that a bare name means, else of any."""
    return json.dumps({"codec": text.strip() if text.strip() in CODECS else "THC"})


def transports_of(codec: Codec) -> tuple[Transport, ...]:
    """The transports that can carry a codec, first the one that `"auto"` takes."""
    return tuple(
        transport
        for reduction in codec.reductions
        for transport, kind in REDUCTIONS.items()
        if kind == reduction and (transport != "aggregator" or codec.homomorphic)  # which only adds integers
    )


def chosen_transport(codec: Codec, transport: Transport = "auto") -> Transport:
    """The transport that is meant; `REDUCTIONS` says what it reduces by.

    Raises:
        InvalidInput: It cannot carry the codec.

    Example:
        >>> chosen_transport(THC(bits=4)), chosen_transport(THC(bits="lane"))
        ('two_shot', 'allreduce')
    """
    allowed = transports_of(codec)
    if transport == "aggregator" and transport not in allowed:
        raise InvalidInput(f"{codec.name} sends no codes of integers, {NO_INTEGERS}")
    if transport != "auto" and transport not in allowed:
        raise InvalidInput(f"transport is {transport!r}, but {codec.name} takes {', '.join(('auto', *allowed))}")
    return allowed[0] if transport == "auto" else transport
