"""Contract of every registered text encoder, and how wrong names are answered."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.text.encoders import TEXT_ENCODERS, TextEncoder, TextStates, load_text_encoder

TEXTS = ["walk", "raise both arms overhead", "turn around slowly"]


class FakeClip:
    """Stands for an OpenCLIP model: a text's vector is made of its letters."""

    def eval(self) -> FakeClip:
        return self

    def state_dict(self) -> dict[str, object]:
        import torch

        return {"weight": torch.eye(4)}

    def encode_text(self, tokens: object) -> object:
        import torch

        return torch.as_tensor(tokens, dtype=torch.float16) @ torch.eye(4, dtype=torch.float16)


@pytest.fixture
def open_clip(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("open_clip")
    module.create_model = lambda architecture, pretrained=None: FakeClip()  # type: ignore[attr-defined]
    module.get_tokenizer = lambda name: lambda texts: [[len(t), 1, 2, 3] for t in texts]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "open_clip", module)
    return module


def _spec(kind: str, tmp_path: Path) -> str:
    if kind == "sentence-transformers":
        pytest.importorskip("sentence_transformers")
        from skelzero.text.minilm import _folder

        return f"{kind}:{_folder()}"
    np.save(tmp_path / "v.npy", np.eye(3, 4))
    return {"minilm": kind, "file": f"file:{tmp_path / 'v.npy'}", "open-clip": "open-clip:ViT-B-32/some"}[kind]


@pytest.mark.parametrize("kind", list(TEXT_ENCODERS))
def test_contract(kind: str, tmp_path: Path, open_clip: types.ModuleType) -> None:
    """Registered means tested: shapes, types, padding, name, a steady identity, the same numbers twice."""
    spec = _spec(kind, tmp_path)
    encoder: TextEncoder = load_text_encoder(spec)
    found, again = encoder.encode(TEXTS), encoder.encode(tuple(TEXTS))
    n, length, width = found.tokens.shape
    assert n == 3 and found.mask.shape == (3, length) and found.pooled.shape == (3, width)
    assert found.tokens.dtype == found.pooled.dtype == np.float32 and found.mask.dtype == bool
    assert found.mask.any(axis=1).all() and found.mask.any(axis=0).all() and not found.tokens[~found.mask].any()
    assert np.isfinite(found.tokens).all() and np.isfinite(found.pooled).all()
    np.testing.assert_array_equal(found.pooled, again.pooled)
    assert encoder.name == spec and encoder.identity == load_text_encoder(spec).identity
    assert len(encoder.identity.rsplit(":", 1)[1]) == 64


def test_sentence_transformers_by_folder_equals_minilm() -> None:
    pytest.importorskip("sentence_transformers")
    from skelzero.text.minilm import _folder

    one = load_text_encoder(f"sentence-transformers:{_folder()}").encode(TEXTS)
    other = load_text_encoder("minilm").encode(TEXTS)
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_allclose(one.tokens, other.tokens, atol=1e-5)
    np.testing.assert_allclose(one.pooled, other.pooled, atol=1e-5)


def test_states_of_rows() -> None:
    rows = [np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)]
    found = TextStates.of_rows(rows, np.zeros((2, 3), np.float32))
    assert found.mask.tolist() == [[True, True], [True, False]] and found.tokens.sum() == 9


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("minlm", r"unknown text encoder[\s\S]*did you mean 'minilm'"),
        ("", "unknown text encoder"),
        ("minilm:large", "takes no name"),
        ("sentence-transformers:", "which model"),
        ("open-clip:ViT-B-32", "which weights"),
        ("file:", "no such file"),
    ],
)
def test_wrong_names(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_text_encoder(spec)


@pytest.mark.parametrize(
    ("module", "spec", "extra"),
    [("open_clip", "open-clip:ViT-B-32/x", "clip"), ("sentence_transformers", "sentence-transformers:x", "text")],
)
def test_packages_that_are_not_installed(module: str, spec: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"not installed[\s\S]*skelzero\[{extra}\]"):
        load_text_encoder(spec)


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    import huggingface_hub

    asked = []

    def unreachable(name: str, **_: object) -> None:
        asked.append(name)
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "model_info", unreachable)
    with pytest.raises(UserError, match=r"cannot be loaded[\s\S]*no route to host[\s\S]*built-in minilm"):
        load_text_encoder("sentence-transformers:no-such-model")
    assert asked == ["sentence-transformers/no-such-model"]


def test_weights_that_openclip_does_not_have(open_clip: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(architecture: str, pretrained: str | None = None) -> object:
        raise RuntimeError(f"no {pretrained} for {architecture}")

    monkeypatch.setattr(open_clip, "create_model", refuse)
    with pytest.raises(UserError, match=r"cannot be loaded[\s\S]*no laion for ViT-B-32"):
        load_text_encoder("open-clip:ViT-B-32/laion")
