"""When codes are not worth having, and which options would be."""

from beforehand import quantization as area
from beforehand.quantization.inputs import Values
from beforehand.quantization.options import MOST_SCALED

LARGE_ERROR = 0.5  # half of what storing zeros would lose
FEWEST = 1000  # values, below which headers and tables are most of any file


def doubts(values: Values, levels: area.Levels, codes: area.Codes) -> str:
    """A warning where the error is large or nothing got smaller, with the options that do better; else nothing.

    Args:
        values: What was rounded.
        levels: To these.
        codes: What is written.
    """
    if values.data.size < FEWEST:
        return ""
    grown = codes.nbytes >= values.data.nbytes
    if not grown and levels.vnmse <= LARGE_ERROR:
        return ""
    words = []
    if levels.vnmse > LARGE_ERROR:
        words.append(large_error(levels))
    if grown:
        words.append(f"the codes take {codes.nbytes:,} bytes, but the values {values.data.nbytes:,}")
    return f"{' and '.join(words)}; {_better(values, levels, codes)}"


def large_error(levels: area.Levels) -> str:
    """The error in words that say how large it is."""
    return f"vNMSE is {levels.vnmse:.3g}, where zeros in place of all values have 1"


def _better(values: Values, levels: area.Levels, codes: area.Codes) -> str:
    """Options that were tried on these values, and what they reach."""
    n_levels = min(levels.n_levels, MOST_SCALED)
    for objective in ("mse", "unbiased") if levels.objective == "mse" else ("unbiased", "mse"):
        for more in (n_levels, min(max(4 * n_levels, 16), MOST_SCALED)):
            tried = area.levels(values, more, method="scaled", objective=objective)
            size = area.encode(values, tried, seed=0).nbytes
            if (
                tried.vnmse <= LARGE_ERROR
                and size < values.data.nbytes
                and size <= max(codes.nbytes, values.data.nbytes)
            ):
                flags = f"--method scaled --levels {more} --objective {objective}"
                return f"{flags} has {tried.vnmse:.2g} with {8 * size / values.data.size:.3g} bits a value"
    return "see what beforehand quantization plan finds for this file"
