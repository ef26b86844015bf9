"""`scheduling calibrate`: how fast is my engine?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from beforehand.cli import render
from beforehand.cli.queue_options import Json

if TYPE_CHECKING:
    from beforehand.core import Trace
    from beforehand.scheduling.serving import EngineProfile

EXAMPLE: Final = "Example: beforehand scheduling calibrate --steps steps.npz --output profile.json"
KV: Final = ("kv_tokens", "kv_bytes_per_token", "block_size")
SWAPS: Final = ("swap_latency", "swap_bytes_per_second")


def calibrate(
    steps: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Iterations that an engine recorded: served.steps.npz beside its record."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="DIR", help="In place of --steps: a model that vLLM is to run here, and time.")
    ] = None,
    max_num_seqs: Annotated[int, typer.Option(min=1, help="With --model: how many requests run at once.")] = 64,
    max_batched_tokens: Annotated[
        int, typer.Option(min=64, help="With --model: new tokens of an iteration, at most.")
    ] = 2048,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="With --model: further arguments of vLLM's engine, such as '{\"tensor_parallel_size\": 2}'.",
        ),
    ] = None,
    kv_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens that the KV cache holds, if the file does not say it.")
    ] = None,
    kv_bytes_per_token: Annotated[
        int | None, typer.Option(min=1, help="Bytes of KV cache for a token, if the file does not say it.")
    ] = None,
    block_size: Annotated[
        int | None, typer.Option(min=1, help="Tokens in a block of it, if the file does not say it; else 16.")
    ] = None,
    saturation: Annotated[
        int | None,
        typer.Option(min=1, help="New tokens of an iteration beyond which throughput stops growing; else found."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the profile is called; else as its file or model.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the profile, in JSON.")] = None,
    as_json: Json = False,
) -> None:
    """How fast is my engine? Fits a profile to iterations that were timed.

    Simulations, plans and the order itself go by such a profile. The last
    fifth of the iterations is predicted by a fit to the others, and the
    error of that is part of the profile.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.core.errors import InvalidInput
    from beforehand.integrations.vllm.measured_steps import measure_steps

    if (steps is None) == (model is None):
        raise InvalidInput("calibrate takes --steps FILE or --model DIR; give one of them")
    if steps is not None:
        keep_input(steps, output)
    arguments = _arguments(engine)
    with render.progress(None) as bar:
        if steps is not None:
            bar.begin("reading")
            recorded = _recorded(steps)
        else:
            limits: dict[str, Any] = {"max_num_seqs": max_num_seqs, "max_batched_tokens": max_batched_tokens}
            recorded = measure_steps(model or "", begin=bar.begin, **limits, **arguments)
        bar.begin("fitting")
        known = {"kv_tokens": kv_tokens, "kv_bytes_per_token": kv_bytes_per_token, "block_size": block_size}
        profile = _fitted(recorded, name or (steps.stem if steps else Path(model or "").name), saturation, known)
    if output:
        profile.save(output)
    if as_json:
        print(profile.to_json())
        return
    _show(profile, len(recorded), SWAPS[0] in recorded.meta)
    if output:
        render.show(f"\nwrote {output}")


def _recorded(path: Path) -> "Trace":
    from beforehand.core import Trace
    from beforehand.core.errors import InvalidInput

    try:
        return Trace.load(path, kind="steps")
    except InvalidInput as error:
        beside = path.with_suffix(".steps.npz")
        if not (path.exists() and beside.exists()):
            raise
        raise InvalidInput(f"{path} holds no iterations; they lie beside it, so pass --steps {beside}") from error


def _arguments(engine: str | None) -> dict[str, Any]:
    """The arguments of vLLM's engine that are given as JSON.

    Raises:
        InvalidInput: it is something else.
    """
    from beforehand.core.errors import InvalidInput

    try:
        given = json.loads(engine or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidInput(f"engine is {engine!r}, but must be a JSON object such as '{{\"tensor_parallel_size\": 2}}'")
    return given


def _fitted(recorded: "Trace", name: str, saturation: int | None, given: dict[str, int | None]) -> "EngineProfile":
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling.serving import fit_profile

    meta = recorded.meta
    known: dict[str, Any] = {key: given[key] if given[key] is not None else meta.get(key) for key in KV}
    for key in ("kv_tokens", "kv_bytes_per_token"):
        if known[key] is None:
            raise InvalidInput(f"the steps do not say {key}; pass --{key.replace('_', '-')}")
    if known["block_size"] is None:
        del known["block_size"]
    known |= {key: meta[key] for key in SWAPS if key in meta}
    columns = [recorded[column] for column in ("new_tokens", "context_tokens", "prefill_pairs", "seconds")]
    source = str(meta.get("source", "recorded steps"))
    return fit_profile(*columns, name=name, saturation=saturation, source=source, **known)


def _show(profile: "EngineProfile", rows: int, swaps: bool) -> None:
    import numpy as np

    tokens, seconds = np.asarray(profile.tokens), np.asarray(profile.seconds)
    table = render.table("new tokens", "ms", "tokens/s")
    for n, each in zip(tokens.tolist(), seconds.tolist(), strict=True):
        table.add_row(f"{n:,}", render.number(1e3 * each), render.number(n / each))
    render.show_table(table)
    render.show("")
    per_context, per_pair = profile.seconds_per_context_token, profile.seconds_per_prefill_pair
    warn = "; over 10 %, so take what is planned with it as rough" if profile.error_p50 > 0.1 else ""
    error = f"{profile.error_p50:.1%} in the middle, {profile.error_p95:.1%} at the 95th percentile"
    render.console().print(
        render.facts([
            ("profile", profile.name),
            ("from", f"{rows:,} iterations ({profile.source})"),
            ("error", error + warn),
            ("a token of context", f"{1e9 * per_context:.3g} ns when decoding, {1e9 * per_pair:.3g} ns in a prefill"),
            ("saturation", f"{profile.saturation:,} new tokens"),
            ("KV cache", f"{profile.kv_tokens:,} tokens of {profile.kv_bytes_per_token:,} bytes"),
            ("to the host", f"{profile.swap_bytes_per_second / 1e9:.3g} GB/s{'' if swaps else ', assumed'}"),
        ])
    )  # fmt: skip
