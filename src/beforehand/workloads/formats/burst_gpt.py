"""BurstGPT: requests to ChatGPT and GPT-4 over four months, with the tokens that each read and wrote."""

from beforehand.workloads.formats.public_jobs import PublicJobs, since_first
from beforehand.workloads.reading import Head, Reading, read_table

NAME, SOURCE = "burst_gpt", "BurstGPT"
SIZE_UNIT, TIME_UNIT = "tokens", "seconds"
ARRIVAL, PROMPT, SIZE = COLUMNS = ("Timestamp", "Request tokens", "Response tokens")


def recognize(head: Head) -> bool:
    """Whether the columns are those of the trace, of either version."""
    return {*COLUMNS, "Model", "Log Type"} <= set(head.names)


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs whose size is the number of tokens that they wrote.

    Guarantee:
        Columns `arrival` (seconds since the first request of the file), `size` and `prompt_tokens`. Left out as
        `failed` are requests without an answer, which the trace marks by 0 response tokens.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: a cell is not a number.

    Reference:
        Wang and others: BurstGPT: A Real-World Workload Dataset to Optimize LLM Serving Systems. KDD 2025,
        arXiv:2401.17644. The files: HPMLL/BurstGPT.
    """
    table = read_table(path, COLUMNS, reading)
    size = table.numbers(SIZE)
    columns = {
        "arrival": since_first(table.numbers(ARRIVAL)),
        "size": size,
        "prompt_tokens": table.numbers(PROMPT),
    }
    return PublicJobs(table, columns, {"failed": size == 0})
