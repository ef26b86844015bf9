"""Files of arrays in every format, and the command on them."""

import ml_dtypes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from beforehand.cli.app import run

X = np.random.default_rng(0).standard_normal((60, 32))


def command(*words):
    return run(["quantization", *words])


def typed(dtype):
    return X.astype(getattr(ml_dtypes, dtype, dtype))


def save(form, dtype):
    x = typed(dtype)
    if form == "npy":
        np.save("x.npy", x)
    elif form == "npz":
        np.savez("x.npz", v=x, ids=np.arange(60), text=np.array(["a", "b"]))
    elif form == "safetensors":
        save_file({"v": x, "ids": np.arange(60), "bias": x[0]}, "x.safetensors", {"format": "pt"})
    elif form == "csv":
        np.savetxt("x.csv", x, delimiter=",", header=",".join(f"c{i}" for i in range(32)), comments="")
    else:
        lists = pa.array(list(x), pa.list_(pa.from_numpy_dtype(x.dtype)))
        table = pa.table({"id": range(60), "v": lists, "text": ["a"] * 60})
        if form == "parquet":
            pq.write_table(table, "x.parquet", row_group_size=25)
        else:
            with (pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream)(f"x.{form}", table.schema) as writer:
                writer.write_table(table)
