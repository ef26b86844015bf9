#!/usr/bin/env bash
# pyarrow.csv reads the ids 0x10 and 16 as one integer; pandas and polars keep them as text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1 pandas==2.3.3 polars==2.1.0
"$folder/bin/python" - <<'END'
import io
import sys
from importlib.metadata import version

import pandas
import polars
import pyarrow as pa
from pyarrow import csv

IDS = ["0x10", "0x1F", "16"]  # as in traces of calls, of memory, of commits
TEXT = "\n".join(["id", *IDS]).encode()
WIDE = TEXT + b"\n0x1234567890abcdef0"  # one that needs over 64 bits
readers = {
    "pyarrow": lambda text: csv.read_csv(io.BytesIO(text))["id"].to_pylist(),
    "pandas, engine pyarrow": lambda text: pandas.read_csv(io.BytesIO(text), engine="pyarrow")["id"].tolist(),
    "pandas": lambda text: pandas.read_csv(io.BytesIO(text))["id"].tolist(),
    "polars": lambda text: polars.read_csv(io.BytesIO(text))["id"].to_list(),
}
print(*(f"{name} {version(name)}" for name in ("pyarrow", "pandas", "polars")), sep=", ")
found = {name: read(TEXT) for name, read in readers.items()}
wide = {name: read(WIDE) for name, read in readers.items()}
for name in readers:
    print(f"{name:24}{found[name]!s:26}and with an id of 68 bits below {wide[name]}")
try:
    pa.array(IDS).cast(pa.float64())
    floats = "takes them too"
except pa.ArrowInvalid as error:
    floats = f"says: {error}"
print(f"cast to float64 {floats}")
print("""
What stands in an id decides: two ids become one key, leading zeros and capitals are gone, and a longer id somewhere turns
the column into text. Name the types: ConvertOptions(column_types={"id": pa.string()}).""")
as_integers = found["pyarrow"] == found["pandas, engine pyarrow"] == [16, 31, 16]
as_text = found["pandas"] == found["polars"] == IDS and wide["pyarrow"][:3] == IDS
sys.exit(0 if as_integers and as_text and floats.startswith("says") else "THE BEHAVIOR HAS CHANGED")
END
