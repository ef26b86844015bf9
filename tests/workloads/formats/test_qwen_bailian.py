import json

import numpy as np

from beforehand.workloads.formats import qwen_bailian
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.reading import Reading, look

RECORD = {"chat_id": 159, "parent_chat_id": -1, "input_length": 521, "output_length": 132, "type": "text", "turn": 1}


def test_times_are_seconds_although_the_keys_are_those_of_mooncake(tmp_path):
    path = tmp_path / "trace.jsonl"
    records = [RECORD | {"timestamp": at, "hash_ids": [1089]} for at in (61.25, 60.0)]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    assert recognized(look(str(path))) is qwen_bailian
    jobs = qwen_bailian.read(str(path), Reading())
    np.testing.assert_array_equal(jobs.columns["arrival"], [1.25, 0])
    np.testing.assert_array_equal(jobs.columns["turn"], 1)
