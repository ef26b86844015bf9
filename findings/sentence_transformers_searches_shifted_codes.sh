#!/usr/bin/env bash
# semantic_search_faiss of sentence-transformers with corpus_precision="uint8" takes inner products of codes that have an
# offset and a step of their own in each dimension, so that it finds few of the true neighbors; and codes are rounded down.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} numpy==2.4.6 \
  torch==2.13.0 transformers==5.19.0 sentence-transformers==6.2.0 faiss-cpu==1.15.1
cat >"$folder/it.py" <<'PY'
from importlib.metadata import version

import numpy as np
from sentence_transformers.util.quantization import quantize_embeddings, semantic_search_faiss

random = np.random.default_rng(0)
x = random.standard_normal((5200, 128)) * np.exp(random.standard_normal(128) / 4)  # symmetric around 0, as embeddings
x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
queries, x = x[:200], x[200:]
ranges = np.stack([x.min(axis=0), x.max(axis=0)])
codes = quantize_embeddings(x, "uint8", ranges=ranges)


def recall(found):
    return np.mean([len(set(a) & set(b)) for a, b in zip(found, exact.tolist())]) / 10


def nearest(queries, x):
    return (queries @ x.T).argsort(axis=1)[:, :-11:-1]


exact = nearest(queries, x)
hits = semantic_search_faiss(queries, codes, corpus_precision="uint8", ranges=ranges, rescore_multiplier=4)[0]
searched = recall([[hit["corpus_id"] for hit in row] for row in hits])
step = (ranges[1] - ranges[0]) / 255
decoded = recall(nearest(queries, ranges[0] + (codes + np.float32(0.5)) * step).tolist())
error = [float(((ranges[0] + (codes + np.float32(edge)) * step - x) ** 2).sum()) for edge in (0, 0.5)]
print("sentence-transformers", version("sentence-transformers"))
print(f"recall of 10: {searched:.3f} by semantic_search_faiss with rescoring, {decoded:.3f} in decoded codes")
print(f"error of codes taken for the lower edge of their step: {error[0] / error[1]:.2f} times that of its middle")
assert searched < 0.5 < 0.95 < decoded, "the search takes account of offsets now"
assert error[0] > 3 * error[1], "codes are rounded to the nearest now"
PY
"$folder/venv/bin/python" "$folder/it.py" 2>"$folder/said" || { cat "$folder/said"; exit 1; }
echo "Decode uint8 and int8 codes, to the middle of their steps, before comparing them; codes alone rank almost at random."
