"""Mooncake's traces: requests to the chat service Kimi, with their lengths and the blocks that their prompts share."""

from beforehand.workloads.formats.public_jobs import PublicJobs, since_first
from beforehand.workloads.reading import Head, Reading, read_table

NAME, SOURCE = "mooncake", "Mooncake"
SIZE_UNIT, TIME_UNIT = "tokens", "seconds"
ARRIVAL, PROMPT, SIZE = COLUMNS = ("timestamp", "input_length", "output_length")
BLOCKS = "hash_ids"
MILLISECONDS = 1e3  # in a second


def recognize(head: Head) -> bool:
    """Whether the records have these keys and no others.

    Traces of others have the same keys and more, and their times are in seconds.
    """
    return set(head.names) == {*COLUMNS, BLOCKS} and isinstance(head.record.get(BLOCKS), list)


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs whose size is the number of tokens that they wrote.

    Guarantee:
        Columns `arrival` (seconds since the first request; the file has milliseconds, most of them in steps of three
        seconds), `size` and `prompt_tokens`. Nothing is left out.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: a line is no record, or a value not a number.

    Reference:
        Qin and others: Mooncake: Trading More Storage for Less Computation. FAST 2025. The files: kvcache-ai/Mooncake,
        FAST25-release/traces.
    """
    table = read_table(path, COLUMNS, reading)
    columns = {
        "arrival": since_first(table.numbers(ARRIVAL)) / MILLISECONDS,
        "size": table.numbers(SIZE),
        "prompt_tokens": table.numbers(PROMPT),
    }
    return PublicJobs(table, columns)
