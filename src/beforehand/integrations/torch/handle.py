"""What `attach_ddp` returns: what compression did so far, what to keep of it, and a way to switch it off."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients import WireBytes
from beforehand.gradients.codec import Codec
from beforehand.gradients.layout import Layout
from beforehand.integrations.torch import state as states
from beforehand.integrations.torch.hook import Hook


@dataclass(frozen=True, kw_only=True)
class HookStats:
    """What compression did so far, on this rank.

    Args:
        steps: Backward passes that exchanged gradients.
        sent: Bytes that this rank sent, without headers, exact sums included.
        plain: Bytes that float32 would have sent in all these steps.
        encode: Seconds, on the thread that exchanges; those of exact steps are not measured.
        exchange: Seconds, waiting for slower ranks included.
        decode: Seconds, the adding of others' messages included.
        at_limit: Share of coordinates beyond the range in the last round of each bucket.
        rho: Agreement of the ranks, where the codec estimates it.
        truncation: Expected share beyond the range of the table in force, by the first parameter of a bucket, or by the
            module that is sharded.
        vnmse: Mean of the samples that `vnmse_every` took; None without any.
        fallbacks: Rounds of a bucket or module that were exact, by reason.
    """

    steps: int
    sent: WireBytes
    plain: float
    encode: float
    exchange: float
    decode: float
    at_limit: float
    rho: float | None
    truncation: dict[str, float]
    vnmse: float | None
    fallbacks: dict[str, int]

    def explain(self) -> str:
        """What compression gained, and what it took, in a sentence."""
        if not self.steps or not self.sent.total:
            return f"nothing was sent in {self.steps} steps"
        sent, plain = (each / self.steps / 1e6 for each in (self.sent.total, self.plain))
        encode, exchange, decode = (1e3 * each / self.steps for each in (self.encode, self.exchange, self.decode))
        return (
            f"{sent:.3g} MB sent in each of {self.steps} steps, where float32 sends {plain:.3g} ({plain / sent:.3g} "
            f"times as much); {encode:.3g} ms to encode, {exchange:.3g} to exchange, {decode:.3g} to decode"
        )


@final
class Handle:
    """Compression of one model's gradients on this rank; `attach_ddp` returns it."""

    def __init__(self, codec: Codec, transport: str, hook: Hook) -> None:
        self.codec = codec
        self.transport = transport
        self._hook = hook

    def stats(self) -> HookStats:
        """What compression did so far; ask between steps."""
        hook, averaging = self._hook, self._hook.averaging
        counts, driver = averaging.counts, averaging.driver
        seconds, vnmse = driver.phases.seconds, counts.vnmse
        return HookStats(
            steps=hook.step,
            sent=driver.sent.plus(counts.exact),
            plain=counts.plain,
            encode=seconds["encode"],
            exchange=seconds["exchange"],
            decode=seconds["decode"],
            at_limit=weighted_mean((layout.size, share) for layout, share in counts.at_limit.items()) or 0.0,
            rho=weighted_mean((layout.size, rho) for layout, rho in counts.rho.items()),
            truncation={layout.tensors[0][0]: share for layout, share in counts.truncation.items()},
            vnmse=sum(vnmse) / len(vnmse) if vnmse else None,
            fallbacks=dict(counts.fallbacks),
        )

    def pause(self) -> None:
        """Sum exactly, in float32, from the next step on; call it on all ranks between the same steps."""
        self._hook.paused = True

    def resume(self) -> None:
        """Compress again from the next step on; call it on all ranks between the same steps."""
        self._hook.paused = False

    def state_dict(self) -> dict[str, Any]:
        """What to save in a checkpoint of this rank: numbers, strings and tensors. Each rank has its own.

        Guarantee:
            A run that loads it goes on with the same bits.
        """
        hook, averaging = self._hook, self._hook.averaging
        kept = averaging.encoders.state()
        cuts = [[name for name, _ in layout.tensors] for layout in hook.cuts]
        return states.state_dict(self.codec, averaging.driver, hook.step, kept) | {"buckets": cuts}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = False) -> None:
        """Go on from what `state_dict` of this rank returned; call it on all ranks before a step.

        Args:
            state: As it was saved.
            strict: Refuse the state of another rank or number of ranks; else only its step is taken, with a warning,
                and what was left of earlier rounds is dropped.

        Raises:
            CorruptData: It is no such state.
            InvalidInput: It is that of another codec or model, or, with `strict`, of another rank or number of ranks.
        """
        hook, averaging = self._hook, self._hook.averaging
        step, kept = states.loaded(self.codec, averaging.driver, state, strict)
        resumed = _layouts(state.get("buckets"), dict(hook.shapes.values()))
        _check_kept(kept, dict(hook.shapes.values()))
        averaging.encoders.load(kept)
        hook.step, hook.resumed = step, resumed


def _layouts(buckets: Any, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Layout, ...]:
    """The buckets of a run that is resumed."""
    try:
        known = not buckets or sorted(name for names in buckets for name in names) == sorted(shapes)
    except TypeError:
        raise CorruptData(f"state has buckets={buckets!r}; pass what state_dict() returned") from None
    if not known:
        raise InvalidInput("state has other parameters than the model; load it into the model that it was saved with")
    return tuple(Layout((name, shapes[name]) for name in names) for names in buckets or ())


def _check_kept(kept: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise unless what was kept belongs to the model: what nobody takes would be lost without a word."""
    for key, value in kept.items():
        kind, _, name = key.partition("/")
        if name not in shapes or (kind == "feedback" and value.shape != shapes[name]):
            has = f"has shape {shapes[name]}" if name in shapes else "is none"
            raise InvalidInput(
                f"state has {key} of shape {value.shape}, but in the model that parameter {has}; load it into "
                "the model that it was saved with"
            )


def weighted_mean(given: Iterable[tuple[int, float]]) -> float | None:
    """Of values behind their weights, the sizes of buckets or rows; None of none."""
    weighted = list(given)
    weight = sum(size for size, _ in weighted)
    return sum(size * value for size, value in weighted) / weight if weight else None
