"""`scheduling simulate-serving`: how long would requests take, in this order, on this engine?"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from beforehand.cli import page, render
from beforehand.cli.answer import Answer
from beforehand.cli.queue_options import Html, Json, Seed
from beforehand.cli.serving_options import (
    HostTokens,
    KvTokens,
    Lengths,
    Profile,
    Requests,
    Slo,
    Slots,
    lengths_of,
    named_as_options,
    profile_of,
    read_requests,
    slo_of,
)
from beforehand.reporting import Sheet

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw
    from beforehand.core import Trace
    from beforehand.scheduling.serving import Policy, ServingResult

EXAMPLE: Final = (
    "Example: beforehand scheduling simulate-serving AzureLLMInferenceTrace_conv.csv --profile llama3-8b-a100-80g "
    "--slots 48 --lengths noisy:46.1"
)
LEDE: Final = "Requests served by a simulated LLM engine: in this order, and first come, first served."
DEFAULT: Final = "Boosted(ShortestWork)"
SHOWN: Final = {
    "mean_latency": "latency, mean", "p50_latency": "latency, p50", "p99_latency": "latency, p99",
    "mean_net_latency": "without tool calls, mean", "p99_net_latency": "without tool calls, p99",
    "ttft": "first token, mean", "p99_ttft": "first token, p99",
    "itl": "between tokens, mean", "p99_itl": "between tokens, p99",
    "goodput": "share of good requests", "goodput_rate": "good requests a second",
    "utilisation": "share of time at work", "preemptions": "preemptions",
    "recomputed_tokens": "tokens recomputed", "hit_tokens": "tokens from the prefix cache",
    "preserved": "calls: cache preserved", "discarded": "calls: discarded", "swapped": "calls: swapped",
}  # fmt: skip
OF_TOOLS: Final = {"mean_net_latency", "p99_net_latency", "preserved", "discarded", "swapped"}
COUNTS: Final = {"preemptions", "recomputed_tokens", "hit_tokens", "preserved", "discarded", "swapped"}


def simulate_serving(
    context: typer.Context,
    trace: Requests,
    profile: Profile,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|JSON",
            help="The order: a name such as fcfs (any other word lists them all), with options as plans print them, or "
            "an object as plans hold it.",
        ),
    ] = DEFAULT,
    handling: Annotated[
        str,
        typer.Option(
            metavar="NAME|JSON",
            help="What becomes of the KV cache during a tool call: preserve, discard, swap, min_waste, infercept, "
            "time_to_live, or an object as plans hold it.",
        ),
    ] = "discard",
    lengths: Lengths = None,
    slo: Slo = None,
    slots: Slots = 256,
    batched_tokens: Annotated[int, typer.Option(min=1, help="New tokens of an iteration, at most.")] = 2048,
    kv_tokens: KvTokens = None,
    host_tokens: HostTokens = 0,
    resume: Annotated[
        Literal["original", "return"],
        typer.Option(
            help="Whether a conversation that comes back from a tool call keeps its place, or queues as a new one, as "
            "over plain HTTP."
        ),
    ] = "original",
    chrome: Annotated[
        Path | None, typer.Option(help="Where to write the run as a trace that Perfetto or chrome://tracing shows.")
    ] = None,
    seed: Seed = 0,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Serve requests in one order on a simulated LLM engine: how long do they take?

    The engine admits, batches, preempts and caches as vLLM does, and each of
    its iterations lasts as long as the profile says. Beside it the same
    requests, first come, first served.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.scheduling import serving
    from beforehand.scheduling.serving import FCFS

    for given in (trace, Path(profile)):
        keep_input(given, chrome, html)
    order, kept = serving.policy_from_json(policy), serving.handling_from_json(handling)
    _check_swap(kept, host_tokens)
    options: dict[str, Any] = {
        "profile": profile_of(profile),
        "slo": slo_of(slo),
        "max_num_seqs": slots,
        "max_batched_tokens": max(batched_tokens, slots),
        "kv_tokens": kv_tokens,
        "host_tokens": host_tokens,
        "resume": resume,
        "seed": seed,
    }
    alone = order == FCFS()
    with render.progress(3 - alone + (html is not None)) as steps, named_as_options():
        steps.begin("reading")
        requests = read_requests(trace)
        _check_lengths(order, requests, lengths)
        runs: dict[str, ServingResult] = {}
        if not alone:
            steps.begin("serving first come, first served")
            base = serving.handling_from_json(handling)  # one of its own, as some learn
            runs["FCFS"] = serving.simulate(requests, policy=FCFS(), handling=base, **options)
        steps.begin(f"serving by {order}")
        served = serving.simulate(
            requests, policy=order, handling=kept, lengths=lengths_of(lengths, seed), chrome=chrome, **options
        )
        runs[str(order)] = served
        answer = Answer(
            question=f"How would an engine serve the requests in {trace.name}?",
            lede=LEDE,
            told=_told(requests, order, served),
            sheets=[_sheet(runs, requests)],
            draw=partial(_draw, runs),
        )
        if html is not None:
            steps.begin("drawing the page")
            after = f"beforehand scheduling plan-serving {trace} --profile {profile}"
            drawn = answer.write(html, command=page.command(context), after=after)
    if as_json:
        render.show_json(_as_json(runs, requests))
        return
    answer.show()
    if chrome is not None:
        render.show(f"\nwrote {chrome}; open it on https://ui.perfetto.dev")
    if html is not None:
        render.show(f"\nwrote {html}" if drawn else f"\n{page.NO_PICTURES}")


def _check_swap(handling: object, host_tokens: int) -> None:
    """Raise if everything would be discarded that is to be swapped.

    Raises:
        InvalidInput: it would.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling.serving import Always

    if handling == Always("swap") and not host_tokens:
        raise InvalidInput(
            "handling is swap, but host_tokens is 0, so that nothing could be swapped; pass --host-tokens, or "
            "--handling discard"
        )


def _check_lengths(order: "Policy", requests: "Trace", lengths: str | None) -> None:
    """Raise unless the order gets the predictions that it asks for.

    Raises:
        InvalidInput: it does not; the remedy is in the words of the command line.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling.serving import View

    if lengths is None and order.asks(View(0.0, 0)) is not None and "predicted_tokens" not in requests.columns:
        raise InvalidInput(
            f"{order} asks how long answers will be, but the trace has no column predicted_tokens; pass --lengths "
            "noisy:46.1 to draw predictions, or --policy 'Boosted(ShortestWork(decode=0))', which needs none"
        )


def _told(requests: "Trace", order: "Policy", served: "ServingResult") -> str:
    from beforehand.scheduling.serving import Boosted

    busy = served.summary()["utilisation"]
    span = served.end[-1] - served.arrival[0]
    lines = [f"{len(requests):,} requests in {span:,.0f} s; the engine works {busy:.0%} of the time."]
    if isinstance(order, Boosted) and order.is_auto:
        lines.append(f"The guard against overtaking, from an unloaded run: {served.policy}.")
    if served.counts["rejected"]:
        lines.append(f"{served.counts['rejected']:,.0f} requests do not fit the KV cache and were left out.")
    return "\n".join(lines)


def _sheet(runs: "Mapping[str, ServingResult]", requests: "Trace") -> Sheet:
    figures = [run.summary() for run in runs.values()]
    tools = "calls" in requests.children
    rows = []
    for name, words in SHOWN.items():
        if name not in figures[0] or (name in OF_TOOLS and not tools):
            continue
        values = [each[name] for each in figures]
        cells = [f"{value:,.0f}" if name in COUNTS else render.number(value) for value in values]
        change = [render.change(values[1] / values[0] - 1) if values[0] else "-"] if len(values) > 1 else []
        rows.append([words, *cells, *change])
    return Sheet(title="times in seconds", columns=["", *runs, *(["change"] if len(figures) > 1 else [])], rows=rows)


def _draw(runs: "Mapping[str, ServingResult]") -> dict[str, "Draw"]:
    import numpy as np

    from beforehand.cli import figures

    shares = np.concatenate((np.arange(0.02, 0.95, 0.02), np.arange(0.95, 0.999, 0.004)))
    colors = dict(zip(runs, ("accent",) if len(runs) == 1 else ("other", "accent"), strict=True))
    drawn = {}
    for what, name in (("latency", "net_latency"), ("time to the first token", "ttft")):
        lines = {label: np.quantile(getattr(run, name), shares) for label, run in runs.items()}
        caption = f"The {what} that each share of the requests stays within, without tool calls."
        drawn[caption] = figures.curves(100 * shares, lines, colors, across="% of the requests", up=f"{what}, s")
    return drawn


def _as_json(runs: "Mapping[str, ServingResult]", requests: "Trace") -> dict[str, Any]:
    from beforehand.scheduling.serving import policy_to_json

    served = []
    for run in runs.values():
        order: Any = run.policy
        fields = json.loads(policy_to_json(order))
        served.append({"policy": fields, "summary": run.summary(), "counts": dict(run.counts)})
    return {"requests": len(requests), "meta": requests.meta, "runs": render.finite(served)}
