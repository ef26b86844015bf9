"""The Azure LLM inference trace: when requests came to a service, and how many tokens each read and wrote."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.deprecation import renamed_names
from beforehand.core.errors import InvalidInput
from beforehand.core.files import load_tables

META: Final[Mapping[str, Any]] = {"source": "Azure LLM inference trace", "unit": "tokens"}
HEADER = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
__getattr__ = renamed_names(__name__, recognise="recognize")


def recognize(path: str | PathLike[str]) -> bool:
    """Whether the file is a csv that begins with the trace's header; False if it cannot be read."""
    if Path(path).suffix.lower() != ".csv":
        return False
    wanted = ",".join(HEADER).encode()
    try:
        with open(path, "rb") as stream:
            return stream.readline(2 * len(wanted)).removeprefix(b"\xef\xbb\xbf").strip() == wanted
    except OSError:
        return False


def read(path: str | PathLike[str]) -> Trace:
    """Requests as finished jobs whose size is the number of tokens that they wrote.

    Guarantee:
        A trace of kind `jobs` with the columns `arrival` (seconds since the first request, non-decreasing), `size` and
        `prompt_tokens`. Rows without a size above 0 are left out, and counted in `meta["dropped"]`.

    Raises:
        InvalidInput: the file cannot be read, or has no such job.
        CorruptData: it is no such csv, or a cell is neither number nor time where it should be.

    Reference:
        Patel, Choukse, Zhang, Shah, Goiri, Maleki, Bianchini: Splitwise: Efficient Generative LLM Inference Using Phase
        Splitting. ISCA 2024, arXiv:2311.18677. The files: AzurePublicDataset, AzureLLMInferenceDataset2023.
    """
    from beforehand.workloads.formats.finished_jobs import finished_jobs  # imports scheduling; to recognize needs none

    return finished_jobs(columns(path), meta=META)


def columns(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """The columns under the names of a trace of jobs, all rows as they stand.

    Raises:
        InvalidInput: the file cannot be read, or has other columns.
        CorruptData: it is damaged.
    """
    arrays, _ = load_tables(path)
    if tuple(arrays) != HEADER:
        raise InvalidInput(f"{path} has the columns {', '.join(arrays)}, but this trace has {', '.join(HEADER)}")
    arrival, prompt, generated = arrays.values()
    return {"arrival": arrival, "size": generated, "prompt_tokens": prompt}
