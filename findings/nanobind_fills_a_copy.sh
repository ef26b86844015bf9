#!/usr/bin/env bash
# A nanobind function that writes to its array leaves the caller's array as it was if the dtype or the strides differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 nanobind==3.1.0
cat >"$folder/fill.cpp" <<'END'
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;
using Floats = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void fill(Floats x) {
  for (size_t i = 0; i < x.shape(0); ++i) x.data()[i] = 7;
}
NB_MODULE(fill, m) {
  m.def("fill", fill, nb::arg("x"));
  m.def("fill_noconvert", fill, nb::arg("x").noconvert());
}
END
nanobind=$("$folder/bin/python" -c 'import os, nanobind; print(os.path.dirname(nanobind.__file__))')
include=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
"${CXX:-g++}" -std=c++17 -O1 -shared -fPIC -fvisibility=hidden -fno-strict-aliasing -I"$include" -I"$nanobind/include" \
  -I"$nanobind/ext/robin_map/include" "$folder/fill.cpp" "$nanobind/src/nb_combined.cpp" -o "$folder/fill.so"
PYTHONPATH=$folder "$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import numpy as np
from fill import fill, fill_noconvert

ARRAYS = {
    "float32": lambda: np.zeros(3, np.float32),
    "float64": lambda: np.zeros(3),
    "every second float32": lambda: np.zeros(6, np.float32)[::2],
}
print(f"nanobind {version('nanobind')}: void fill(nb::ndarray<float, ...> x) sets every x[i] to 7")
same = True
for name, make in ARRAYS.items():
    x, y = make(), make()
    fill(x)
    try:
        fill_noconvert(y)
        strict = str(y)
    except TypeError:
        strict = "TypeError"
    print(f"{name:22} fill {x}   with .noconvert() {strict}")
    same &= (x == 7).all() == (name == "float32") and strict == (str(x) if name == "float32" else "TypeError")
print("""
What does not fit is converted to a temporary array, and the function writes to that, although the argument is not const.
Mark each array that is written to, or whose dtype matters, as nb::arg("x").noconvert().""")
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
