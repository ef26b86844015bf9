#!/usr/bin/env bash
# A float literal that went through polars' own JSON of an expression may come back as the neighboring float.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check polars==2.1.0
"$folder/bin/python" - <<'END'
import io
import json
import random
import sys

import polars as pl


def through_json(value):
    text = pl.lit(value).meta.serialize(format="json")
    return text, pl.select(pl.Expr.deserialize(io.StringIO(text), format="json")).item()


random.seed(0)
values = [random.random() * 10.0 ** random.randint(-20, 20) for _ in range(2000)]
found = {value: through_json(value) for value in values}
off = [value for value in values if found[value][1] != value]
written = all(json.loads(text)["Literal"]["Dyn"]["Float"] == value for value, (text, _) in found.items())
print(f"polars {pl.__version__}: {len(off)} of {len(values)} floats come back changed")
print(f"the JSON itself holds all of them exactly: {written}")
value = off[0] if off else values[0]
print(f"for example {value!r} as {found[value][1]!r}")
frame = pl.DataFrame({"x": [value]})
again = pl.Expr.deserialize(io.StringIO((pl.col("x") == value).meta.serialize(format="json")), format="json")
print(f"x == {value!r} finds {frame.filter(pl.col('x') == value).height} row, and read again {frame.filter(again).height}")
print("""
An expression that was saved as JSON and read again is not always the same predicate. Read the number from the JSON by
another parser, or save in the binary format, which keeps floats.""")
binary = all(
    pl.select(pl.Expr.deserialize(io.BytesIO(pl.lit(value).meta.serialize()))).item() == value for value in off
)
sys.exit(0 if off and written and binary else "THE BEHAVIOR HAS CHANGED")
END
