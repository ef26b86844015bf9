"""Arrays in files that others wrote: .npy, npz, csv, Parquet, Arrow and safetensors, read mapped and written in pieces.

Numbers stay as they lie in the file until somebody asks for them, so that an array may be larger than memory.
"""

from beforehand.workloads.array_files.files import ENDINGS, ArrayFile, NothingToRound, format_of, matching, read_arrays
from beforehand.workloads.array_files.stored import FLOATS, Stored

__all__ = ["ENDINGS", "FLOATS", "ArrayFile", "NothingToRound", "Stored", "format_of", "matching", "read_arrays"]
