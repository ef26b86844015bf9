"""The Azure LLM inference traces of 2023, 2024 and 2025: when requests came, how many tokens they read and wrote."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Final

from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.deprecation import renamed_names, warn_renamed
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats.public_jobs import PublicJobs
from beforehand.workloads.reading import Head, Reading, look, read_table

NAME, SOURCE = "azure_llm", "Azure LLM inference trace"
SIZE_UNIT, TIME_UNIT = "tokens", "seconds"
META: Final[Mapping[str, Any]] = {"source": SOURCE, "unit": SIZE_UNIT}
HEADER = ARRIVAL, PROMPT, SIZE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
IMAGES = "NumImages"  # in the trace of 2025, of models that take images
PROCESSED = ("arrived_at", "num_prefill_tokens", "num_decode_tokens")  # as Vidur's simulator names them, in seconds
__getattr__ = renamed_names(__name__, recognise="recognize")


def recognize(head: Head | str | PathLike[str]) -> bool:
    """Whether the columns are those of the traces. A path instead of a head still works, and warns."""
    if not isinstance(head, Head):
        warn_renamed("azure_llm.recognize(path)", "formats.recognize(path)")
        try:
            head = look(head)
        except (InvalidInput, CorruptData):
            return False
    return set(HEADER) <= set(head.names) or set(PROCESSED) <= set(head.names)


def read(path: str | PathLike[str], reading: Reading | None = None) -> PublicJobs | Any:
    """Requests as jobs whose size is the number of tokens that they wrote.

    Guarantee:
        Columns `arrival` (seconds since the first request), `size`, `prompt_tokens`, and `images` in the trace of 2025.
        Nothing is left out. Without a reading, as until the last release, it is a trace of kind `jobs`, with a warning.

    Raises:
        InvalidInput: the file cannot be read, or lacks a column.
        CorruptData: a cell is neither number nor time where it should be.

    Reference:
        Patel, Choukse, Zhang, Shah, Goiri, Maleki, Bianchini: Splitwise: Efficient Generative LLM Inference Using Phase
        Splitting. ISCA 2024, arXiv:2311.18677. The files of 2023. Stojkovic, Zhang, Goiri, Torrellas, Choukse:
        DynamoLLM. HPCA 2025, arXiv:2408.00741. Those of 2024. Qiu and others: ModServe. SoCC 2025. Those of 2025. All:
        AzurePublicDataset.
    """
    if reading is None:
        warn_renamed("azure_llm.read(path)", "job_log.read_job_log(path)")
        return _trace(path)
    table = read_table(path, [*HEADER, IMAGES, *PROCESSED], reading)
    came, read_tokens, wrote_tokens = PROCESSED if PROCESSED[0] in table else HEADER
    arrival, _ = table.times(came)
    columns = {"arrival": arrival, "size": table.numbers(wrote_tokens), "prompt_tokens": table.numbers(read_tokens)}
    if IMAGES in table:
        columns["images"] = table.numbers(IMAGES)
    return PublicJobs(table, columns)


def columns(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """The old way to the columns that `read` gives; it warns."""
    warn_renamed("azure_llm.columns(path)", "azure_llm.read(path, Reading()).columns")
    found: dict[str, NDArray[Any]] = read(path, Reading()).columns
    return found


def _trace(path: str | PathLike[str]) -> Trace:
    from beforehand.workloads.formats.finished_jobs import finished_jobs  # imports scheduling; to recognize needs none

    return finished_jobs(read(path, Reading()).columns, meta=META)
