import json

import numpy as np

from beforehand.workloads.formats import mooncake
from beforehand.workloads.reading import Reading, look

RECORD = {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 2353]}


def test_times_are_milliseconds(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(f"{json.dumps(RECORD | {'timestamp': at})}\n" for at in (3000, 0, 5999)))
    np.testing.assert_allclose(mooncake.read(str(path), Reading()).columns["arrival"], [3, 0, 5.999])


def test_traces_with_the_same_keys_and_other_units_are_not_taken_for_it(tmp_path):
    path = tmp_path / "trace.jsonl"
    for changes in ({"chat_id": 1}, {"session_id": "a"}, {"hash_ids": {"history": [1]}}):
        path.write_text(f"{json.dumps(RECORD | changes)}\n")
        assert not mooncake.recognize(look(str(path)))
