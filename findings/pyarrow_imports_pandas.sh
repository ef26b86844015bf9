#!/usr/bin/env bash
# Reading a csv with pyarrow imports pandas, if it is installed, as soon as a value crosses into or out of Arrow.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1
cat >"$folder/one.py" <<'END'
import resource
import sys
import time

import numpy as np
import pyarrow as pa

array = pa.Array.from_buffers(pa.float64(), 3, [None, pa.py_buffer(np.arange(3.0))])
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
calls = {
    "pa.scalar(1.0)": lambda: pa.scalar(1.0),
    "pa.array([1.0])": lambda: pa.array([1.0]),
    "pa.chunked_array(...).to_numpy()": lambda: pa.Table.from_arrays([array], ["x"])["x"].to_numpy(),
    "np.from_dlpack(array)": lambda: np.from_dlpack(array),
    "Array.from_buffers": lambda: pa.Array.from_buffers(pa.float64(), 3, [None, pa.py_buffer(np.arange(3.0))]),
}
calls[sys.argv[1]]()
more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print("pandas" in sys.modules, f"{more:.0f} MB and {time.perf_counter() - start:.2f} s more")
END
"$folder/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E '^(pyarrow|pandas) '
failed=0
for call in "pa.scalar(1.0)" "pa.array([1.0])" "pa.chunked_array(...).to_numpy()" "np.from_dlpack(array)" "Array.from_buffers"; do
  said=$("$folder/bin/python" "$folder/one.py" "$call")
  echo "$call: pandas imported: $said"
  case $call in
    pa.*) [[ $said == True* ]] || failed=1 ;;
    *) [[ $said == False* ]] || failed=1 ;;
  esac
done
echo
echo "A program that keeps to pyarrow pays for pandas where somebody installed it: some 50 MB and a fifth of a second, and"
echo "its memory differs between machines for no reason to be seen. from_dlpack and from_buffers do without."
((failed == 0)) || { echo "THE BEHAVIOR HAS CHANGED"; exit 1; }
