"""The built-in encoder gives what sentence-transformers gives, without importing it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from skelzero.text.class_sets import load_class_set
from skelzero.text.minilm import MAX_TOKENS, MiniLm

TEXTS = [
    "wave",
    "The right hand is raised to head height, Émile!",
    "x" * 300,
    "word " * 400,
    "手 \U0001f44b \x00 unseen",
]


def test_it_equals_sentence_transformers() -> None:
    """Second opinion: the library that the model was published with, on odd texts and on real ones."""
    library = pytest.importorskip("sentence_transformers")
    from skelzero.text.minilm import _folder

    texts = TEXTS + [c.motion for c in load_class_set("utd_mhad").classes[:8]]
    model = library.SentenceTransformer(str(_folder()), device="cpu", local_files_only=True)
    expected = model.encode(texts, output_value=None, show_progress_bar=False)
    found = MiniLm().encode(texts)
    for i, states in enumerate(expected):
        tokens = states["token_embeddings"][states["attention_mask"].bool()].numpy()
        np.testing.assert_allclose(found.tokens[i][found.mask[i]], tokens, atol=1e-5)
        np.testing.assert_allclose(found.pooled[i], states["sentence_embedding"].numpy(), atol=1e-5)


def test_shapes_and_padding() -> None:
    found = MiniLm().encode(TEXTS)
    assert found.tokens.shape == (5, MAX_TOKENS, 384) and found.pooled.shape == (5, 384)
    assert found.tokens.dtype == found.pooled.dtype == np.float32
    assert found.mask.sum(axis=1)[[0, 3]].tolist() == [3, MAX_TOKENS]
    assert not found.tokens[~found.mask].any()
    np.testing.assert_allclose(np.linalg.norm(found.pooled, axis=1), 1, atol=1e-6)
    mean = found.tokens[0][found.mask[0]].mean(axis=0)
    np.testing.assert_allclose(found.pooled[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_neither_batch_nor_order_matters() -> None:
    texts = [c.action for c in load_class_set("nw_ucla").classes]
    whole, parts = MiniLm().encode(texts), MiniLm().encode(texts[::-1], batch=3)
    np.testing.assert_allclose(whole.pooled, parts.pooled[::-1], atol=1e-5)
    single = MiniLm().encode(texts[:1])
    np.testing.assert_allclose(single.tokens[0], whole.tokens[0][whole.mask[0]], atol=1e-5)


def test_near_meanings_are_near() -> None:
    walk, stroll, clap = MiniLm().encode(["a person is walking", "somebody strolls along", "striking the palms"]).pooled
    assert walk @ stroll > walk @ clap


def test_the_heavy_libraries_stay_out() -> None:
    code = (
        "import sys; from skelzero.text import load_text_encoder; assert 'torch' not in sys.modules;"
        "load_text_encoder('minilm').encode(['wave']);"
        "assert not {'transformers', 'sentence_transformers', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
