"""Train a job with several ways of exchanging gradients, and say which is soonest at the target."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Cast, Layout
from beforehand.gradients.codec import Codec
from beforehand.gradients.inputs import whole
from beforehand.integrations.torch.comparison import Comparison, Run
from beforehand.integrations.torch.errors_of import errors_of
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.job import Job, Links
from beforehand.integrations.torch.orders import Method, Order, check_importable
from beforehand.integrations.torch.workers import Loopback, Workers

WARM = 5  # steps before times and bytes count
NO_END = 10**9  # steps
SECONDS = 120.0  # of one training, unless `until` says otherwise

Given = Codec | tuple[Codec, str] | Callable[[Any], object]


def compare(
    job: Job,
    *,
    codecs: Sequence[Given],
    workers: int,
    link: Links | None = None,
    until: Mapping[str, float],
    repeats: int = 3,
    baseline: Cast = Cast("float16"),  # noqa: B008
    seed: int = 0,
    progress: Callable[[Run], object] | None = None,
) -> Comparison:
    """Train a job over and over by real processes, with each way of exchanging gradients, beside plain 16 bits.

    Args:
        job: An object of a module, which other processes can import.
        codecs: Each a codec, a pair of a codec and a transport of `attach_ddp`, or a function that is given the
            `DistributedDataParallel` model and attaches something of its own, such as a hook of torch.
        workers: Processes, at least 2, on this machine.
        link: What starts them and joins them, already entered; None is the loopback of this machine.
        until: When a training ends: one metric of the job's `evaluate` with its target; or `"steps"`; and in either
            case `"seconds"` of training at most, 120 if not given.
        repeats: Trainings of each, with other seeds.
        baseline: In 16 bits; `Cast("float32")` is always compared too.
        seed: Of weights and batches; the repeats count on from it. All methods train with the same ones.
        progress: Called with each training that is done.

    Guarantee:
        The same processes run everything: the same model, batches and options, anew for each training, in turns, so
        that what slows the machine down meets all. Seconds are those of steps: the time of evaluations does not count.
        A target that was not met is shown as such.

    Cost:
        (2 + the number of codecs) x repeats trainings, one at a time.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: The job or a function belongs to `__main__`; a codec cannot use its transport; `until` says
            nothing, or names a metric that the job does not have.
        CapacityExceeded: A codec cannot add so many workers.
        TimedOut: Workers do not start in 3 minutes, or one step or evaluation takes 5.
        BeforehandError: A worker failed; its words are in the message.

    Example:
        Is it worth it on two workers?::

            print(compare(MyJob(), codecs=[THC(), TopKChunked()], workers=2, until={"loss": 2.3}))
    """
    torch_for("compare")
    check_importable("job", job)
    methods = _methods(codecs, baseline, workers)
    target, steps, seconds = _limits(until)
    whole("workers", workers, 2)
    whole("repeats", repeats, 1)
    runs: list[Run] = []
    with Workers(job, methods, workers=workers, links=link or Loopback()) as team:
        for repeat in range(repeats):
            for turn in range(len(methods)):
                number = (turn + repeat) % len(methods)
                order = Order(method=number, seed=seed + repeat, target=target, steps=steps, seconds=seconds, warm=WARM)
                trained, wire_bytes = team.run(order)
                runs.append(Run.of(methods[number].label, repeat, trained, wire_bytes, WARM))
                if progress is not None:
                    progress(runs[-1])
    errors = {
        each.label: errors_of(job, each.codec, workers=workers, reduction=each.reduction, seed=seed)
        for each in methods
        if each.codec is not None
    }
    return Comparison(
        job=job.name,
        about=dict(getattr(job, "about", {})),
        workers=int(workers),
        link="loopback" if link is None else str(getattr(link, "rate", type(link).__name__)),
        until={"seconds": seconds} | dict(until),
        methods=tuple(each.label for each in methods),
        runs=tuple(runs),
        errors=errors,
    )


def _methods(codecs: Sequence[Given], baseline: Cast, workers: int) -> tuple[Method, ...]:
    """Plain float32, the baseline, and what is asked for, each once."""
    if not isinstance(baseline, Cast) or baseline.dtype == "float32":
        raise InvalidInput(f"baseline is {baseline}, but must be a Cast to 16 bits, as Cast('bfloat16')")
    found = {each.label: each for each in map(Method.of, (Cast("float32"), baseline, *codecs))}
    for method in found.values():
        if method.codec is not None:
            layout = Layout([("probe", (1,))])
            method.codec.open(layout, rank=0, workers=workers, reduction=method.reduction)
    return tuple(found.values())


def _limits(until: Mapping[str, float]) -> tuple[tuple[str, float] | None, int, float]:
    """The target, the most steps, the most seconds."""
    metrics = [name for name in until if name not in ("steps", "seconds")]
    if len(metrics) > 1 or not {*metrics, "steps"} & set(until):
        raise InvalidInput(
            f"until is {dict(until)}, but must name one metric with its target, as {{'loss': 2.3}}, or 'steps'"
        )
    for name, value in until.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (name not in metrics and value <= 0):
            raise InvalidInput(f"until asks for {name} {value!r}, but it must be a finite number, limits above 0")
    target = (metrics[0], float(until[metrics[0]])) if metrics else None
    return target, int(until.get("steps", NO_END)), float(until.get("seconds", SECONDS))
