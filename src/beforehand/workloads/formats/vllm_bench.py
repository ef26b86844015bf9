"""The results of `vllm bench serve --save-result --save-detailed`: what each request of a benchmark took."""

from dataclasses import replace

from beforehand.core.errors import InvalidInput
from beforehand.workloads.formats.public_jobs import PublicJobs, since_first
from beforehand.workloads.reading import Head, Reading, read_table

NAME, SOURCE = "vllm_bench", "vLLM benchmark"
SIZE_UNIT, TIME_UNIT = "tokens", "seconds"
SIZE, PROMPT, SENT, QUEUED, LATENCY, ERROR = COLUMNS = (
    "output_lens", "input_lens", "start_times", "queue_times", "latencies", "errors",
)  # fmt: skip
TOTALS = ('"tokenizer_id"', '"request_throughput"')
REMEDY = "run vllm bench serve again with --save-result --save-detailed"


def recognize(head: Head) -> bool:
    """Whether the file is one object with the totals that the benchmark writes before its lists."""
    return head.text.lstrip().startswith("{") and all(total in head.text for total in TOTALS)


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs whose size is the number of tokens that they were answered with.

    Guarantee:
        Columns `size`, `prompt_tokens`, and where this version of vLLM writes them `arrival` (seconds since the first
        request; before a request that the client held back to keep to --max-concurrency was sent) and `latency`
        (seconds). Left out as `failed` are requests with an error.

    Raises:
        InvalidInput: the file cannot be read, or holds totals only.
        CorruptData: it is damaged, or holds several results, as --append-result writes them.

    Reference:
        vLLM: vllm bench serve. https://docs.vllm.ai/en/latest/cli/bench/serve.html.
    """
    table = read_table(path, COLUMNS, replace(reading, format="json"))  # one object, though it is one line too
    if SIZE not in table:
        raise InvalidInput(f"{path} holds the totals of a benchmark, but no requests; {REMEDY}")
    columns = {"size": table.numbers(SIZE)}
    if SENT in table:
        sent, _ = table.times(SENT)
        arrival = sent - table.numbers(QUEUED) if QUEUED in table else sent
        columns["arrival"] = since_first(arrival)
    for name, column in (("prompt_tokens", PROMPT), ("latency", LATENCY)):
        if column in table:
            columns[name] = table.numbers(column)
    failed = {"failed": ~table.missing(ERROR)} if ERROR in table else {}
    return PublicJobs(table, columns, failed)
