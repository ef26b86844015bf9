"""The traces of Qwen on Alibaba's Bailian: requests in their conversations, with their lengths."""

from beforehand.workloads.formats.public_jobs import PublicJobs
from beforehand.workloads.reading import Head, Reading, read_table

NAME, SOURCE = "qwen_bailian", "Qwen-Bailian usage trace"
SIZE_UNIT, TIME_UNIT = "tokens", "seconds"
ARRIVAL, PROMPT, SIZE, TURN = COLUMNS = ("timestamp", "input_length", "output_length", "turn")
BLOCKS = "hash_ids"


def recognize(head: Head) -> bool:
    """Whether the records have the keys of Mooncake's, and those that place a request in its conversation."""
    return {*COLUMNS, "chat_id", "parent_chat_id"} <= set(head.names)


def read(path: str, reading: Reading) -> PublicJobs:
    """Requests as jobs whose size is the number of tokens that they wrote.

    Guarantee:
        Columns `arrival` (seconds since the first request), `size`, `prompt_tokens` and `turn`, which counts the
        requests of a conversation. Nothing is left out.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: a line is no record, or a value not a number.

    Reference:
        Wang and others: KVCache Cache in the Wild: Characterizing and Optimizing KVCache Cache at a Large Cloud
        Provider. USENIX ATC 2025. The files: alibaba-edu/qwen-bailian-usagetraces-anon.
    """
    table = read_table(path, COLUMNS, reading)
    arrival, _ = table.times(ARRIVAL)
    columns = {
        "arrival": arrival,
        "size": table.numbers(SIZE),
        "prompt_tokens": table.numbers(PROMPT),
        "turn": table.numbers(TURN),
    }
    return PublicJobs(table, columns)
