#!/usr/bin/env bash
# The local mode of Qdrant's client accepts datatype and quantization_config, and then keeps and compares floats: what is
# measured in it says nothing about the recall of a server.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check qdrant-client==1.20.0
cat >"$folder/it.py" <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from qdrant_client import QdrantClient, models

warnings.simplefilter("error")
client = QdrantClient(":memory:")
size = dict(size=8, distance=models.Distance.EUCLID)
binary = models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
vectors = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32)
scores = {}
print("qdrant-client", version("qdrant-client"))
for name, options in {
    "floats": models.VectorParams(**size),
    "uint8": models.VectorParams(**size, datatype=models.Datatype.UINT8),
    "signs": models.VectorParams(**size, quantization_config=binary),
}.items():
    client.create_collection(name, vectors_config=options)
    client.upload_collection(name, vectors=vectors, ids=range(500))
    kept = client.retrieve(name, [3], with_vectors=True)[0].vector
    again = client.query_points(name, query=vectors[0].tolist(), limit=5).points
    scores[name] = [(point.id, round(point.score, 4)) for point in again]
    print(f"{name}: keeps {np.round(kept[:3], 3)}, finds {scores[name]}")
    assert np.array_equal(np.array(kept, np.float32), vectors[3]), "local mode converts vectors now"
assert scores["floats"] == scores["uint8"] == scores["signs"], "local mode quantizes now"
PY
"$folder/venv/bin/python" "$folder/it.py"
echo "Negative numbers below 1 in a collection of uint8 come back whole, without a warning: measure recall on a server."
