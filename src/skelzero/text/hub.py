"""Text encoders of other libraries, whose models come from a hub when they are not on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skelzero.cards import sha256_array, sha256_of
from skelzero.errors import UserError, missing_extra
from skelzero.text.encoders import TextStates

REACH_SECONDS = 10.0
"""How long to wait for a hub before saying that it cannot be reached."""


class SentenceTransformer:
    """Any model of the sentence-transformers library, with its token states.

    Parameters
    ----------
    model : str
        A name on the hub, such as `all-mpnet-base-v2`, or a folder.
    """

    def __init__(self, model: str) -> None:
        self.name = f"sentence-transformers:{model}"
        if not model:
            raise UserError("which model?", got=self.name, expected="sentence-transformers:all-mpnet-base-v2, say")
        try:
            import sentence_transformers
        except ImportError as error:
            raise missing_extra("sentence_transformers", "text", self.name) from error

        def load(*, on_disk: bool = False) -> Any:
            return sentence_transformers.SentenceTransformer(model, device="cpu", local_files_only=on_disk)

        try:
            self._model = load(on_disk=True)
        except Exception:  # not on disk: each version of the hub's client has its own error for that
            self._model = _fetched(self.name, lambda: _reach_hub(model), load)

    @property
    def identity(self) -> str:
        return f"{self.name}:{_checksum(self._model)}"

    def encode(self, texts: Sequence[str]) -> TextStates:
        states = self._model.encode(list(texts), output_value=None, show_progress_bar=False)
        pooled = np.stack([s["sentence_embedding"].float().cpu().numpy() for s in states])
        rows = [s["token_embeddings"][s["attention_mask"].bool()].float().cpu().numpy() for s in states]
        if rows[0].shape[1] != pooled.shape[1]:
            return TextStates.pooled_only(pooled)  # a model with a projection after pooling: its tokens live elsewhere
        return TextStates.of_rows(rows, pooled)


class OpenClip:
    """The text tower of an OpenCLIP model; one vector a text.

    Parameters
    ----------
    model : str
        `ARCHITECTURE/WEIGHTS`, such as `ViT-B-32/laion2b_s34b_b79k`, or `hf-hub:OWNER/NAME`.
    """

    def __init__(self, model: str) -> None:
        self.name = f"open-clip:{model}"
        on_hub = model.startswith("hf-hub:")
        architecture, _, weights = (model, "", "") if on_hub else model.partition("/")
        if not on_hub and not weights:
            raise UserError("which weights?", got=self.name, expected="open-clip:ViT-B-32/laion2b_s34b_b79k, say")
        try:
            import open_clip
        except ImportError as error:
            raise missing_extra("open_clip", "clip", self.name) from error
        self._model = _fetched(self.name, lambda: open_clip.create_model(architecture, pretrained=weights or None))
        self._model.eval()
        self._tokenizer = _fetched(self.name, lambda: open_clip.get_tokenizer(architecture))

    @property
    def identity(self) -> str:
        return f"{self.name}:{_checksum(self._model)}"

    def encode(self, texts: Sequence[str]) -> TextStates:
        import torch

        with torch.inference_mode():
            vectors = self._model.encode_text(self._tokenizer(list(texts)))
        return TextStates.pooled_only(vectors.float().cpu().numpy())


def _reach_hub(model: str) -> None:
    # The library itself tries for over a minute before it gives up.
    import huggingface_hub

    known = model if "/" in model else f"sentence-transformers/{model}"
    huggingface_hub.model_info(known, timeout=REACH_SECONDS)


def _fetched(name: str, *steps: Callable[[], Any]) -> Any:
    try:
        return [step() for step in steps][-1]
    except Exception as error:  # "no such model", "not reachable", "no access" come in a wide family of classes
        got = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise UserError("the text model cannot be loaded", where=name, got=got,
                        next_step="check the name and the network, or use the built-in minilm") from error  # fmt: skip


def _checksum(model: Any) -> str:
    """Hash of a model's weights: a name on a hub can be given new ones."""
    weights = sorted(model.state_dict().items())
    return sha256_of([[name, sha256_array(tensor.detach().float().cpu().numpy())] for name, tensor in weights])
