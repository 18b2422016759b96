"""Scoring of methods as graphs: clip features and class vectors in, scores out, so that new words need no new graph.

A method's own `scores` work on numpy arrays and text banks; these modules are the same formulas on tensors, and what
they give is compared with the methods' before a graph is written.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.errors import UserError
from skelzero.methods import ZeroShotMethod
from skelzero.methods.described import described
from skelzero.methods.devise import Devise
from skelzero.methods.embedding import EmbeddingMethod
from skelzero.methods.eszsl import Eszsl
from skelzero.methods.linear import LinearMap
from skelzero.methods.match import Match
from skelzero.methods.pgfa import Pgfa
from skelzero.methods.ridge import Ridge
from skelzero.methods.scale import Scale, energy
from skelzero.methods.scale.model import ClassTexts
from skelzero.methods.scaling import CLIP, Standardizer
from skelzero.methods.skelzero import Skelzero
from skelzero.text import TextBank
from skelzero.text.class_sets import TEXTS

LEARNED = ("measured_mean", "profile_mean", "reliability", "correction", "attribute_map")
"""Arrays of the own method that its head always needs."""

Inputs = dict[str, np.ndarray]


class Head(nn.Module):
    """Base: `forward(features, *class inputs)` gives scores (N, K); `inputs` says what the classes bring."""

    def inputs(self, bank: TextBank) -> Inputs:
        """The class inputs of a bank, by name."""
        raise NotImplementedError


class Scaled(nn.Module):
    """z-scores, clipped; constant columns are 0."""

    def __init__(self, scale: Standardizer) -> None:
        super().__init__()
        self.mean = _fixed(scale.mean)
        self.factor = _fixed(1 / scale.deviation)  # 1 / infinity is 0

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        return ((x - self.mean) * self.factor).clamp(-CLIP, CLIP)


class VectorHead(Head):
    """Of methods that compare clips with centred class vectors of unit length."""

    def __init__(self, method: LinearMap | Pgfa | EmbeddingMethod) -> None:
        super().__init__()
        self.kinds = method.settings.kinds
        self.text_mean = _fixed(method.text_mean_)

    def inputs(self, bank: TextBank) -> Inputs:
        return {"classes": bank.vectors(self.kinds or None)}

    def centred(self, classes: Float[Tensor, "K E"]) -> Float[Tensor, "K E"]:
        return _unit(classes - self.text_mean)


class LinearHead(VectorHead):
    """Ridge regression and ESZSL."""

    def __init__(self, method: LinearMap, *, cosine: bool) -> None:
        super().__init__(method)
        self.scaled, self.cosine = Scaled(method.standardizer_), cosine
        self.weights = _fixed(method.weights_)

    def forward(self, features: Float[Tensor, "N D"], classes: Float[Tensor, "K E"]) -> Float[Tensor, "N K"]:
        clips = self.scaled(features) @ self.weights
        return (_unit(clips) if self.cosine else clips) @ self.centred(classes).T


class PgfaHead(VectorHead):
    """The cosine of features, which are vectors among the classes'."""

    def forward(self, features: Float[Tensor, "N E"], classes: Float[Tensor, "K E"]) -> Float[Tensor, "N K"]:
        return _unit(features) @ self.centred(classes).T


class EmbeddingHead(VectorHead):
    """DeViSE: a network that scores clips and class vectors."""

    def __init__(self, method: EmbeddingMethod) -> None:
        super().__init__(method)
        self.scaled, self.net = Scaled(method.standardizer_), method.net_

    def forward(self, features: Float[Tensor, "N D"], classes: Float[Tensor, "K E"]) -> Float[Tensor, "N K"]:
        return self.net.scores(self.scaled(features), self.centred(classes))


class ScaleHead(Head):
    """SCALE: minus the energy of every clip under every class, less each class's mean energy of reference clips."""

    def __init__(self, method: Scale) -> None:
        super().__init__()
        self.kinds, self.parts, self.lambda_k = method.settings.kinds, method.settings.energy, method.settings.lambda_k
        self.scaled, self.net = Scaled(method.standardizer_), method.net_
        self.text_mean, self.reference = _fixed(method.text_mean_.numpy()), _fixed(method.reference_.numpy())

    def inputs(self, bank: TextBank) -> Inputs:
        asked = bank.only(self.kinds) if self.kinds else bank
        parts = {"pooled": np.mean([asked.pooled[kind] for kind in asked.kinds], axis=0)}
        for name, part in (("tokens", asked.tokens), ("mask", asked.mask)):
            parts[name] = np.concatenate([part[kind] for kind in asked.kinds], axis=1)
        return parts

    def forward(
        self, features: Float[Tensor, "N X"], pooled: Float[Tensor, "K E"], tokens: Float[Tensor, "K L E"],
        mask: Bool[Tensor, "K L"],
    ) -> Float[Tensor, "N K"]:  # fmt: skip
        centred = tokens - self.text_mean * mask[..., None]
        texts = ClassTexts(pooled - self.text_mean, F.layer_norm(centred, centred.shape[-1:]), mask)
        side = energy.class_side(self.net, self.net.text(texts))
        scores = -self._energies(self.scaled(features), side)
        return scores + self._energies(self.reference, side).mean(dim=0) if len(self.reference) else scores

    def _energies(self, clips: Float[Tensor, "N X"], side: energy.ClassSide) -> Float[Tensor, "N K"]:
        q = self.net.posterior_of(clips)
        kl = energy.kl_matrix(q, side.prior)
        whole = kl if self.parts == "kl" else energy.reconstruction_matrix(self.net, clips, q.mean, side)
        return energy.combine(whole, kl, self.lambda_k, self.parts)


class MatchHead(Head):
    """Measured against described attributes."""

    def __init__(self, method: Match) -> None:
        super().__init__()
        self.kinds, self.columns = method.settings.kinds, method.columns

    def inputs(self, bank: TextBank) -> Inputs:
        return {"profiles": described(bank.only(self.kinds) if self.kinds else bank)}

    def forward(self, features: Float[Tensor, "N D"], profiles: Float[Tensor, "K A"]) -> Float[Tensor, "N K"]:
        return _agreement(features[:, slice(*self.columns)], profiles)


class SkelzeroHead(Head):
    """The own method: attributes that were measured, corrected and predicted, and texts where they have a weight."""

    def __init__(self, method: Skelzero) -> None:
        super().__init__()
        self.kinds, self.columns = method.settings.kinds, method.columns
        predicted, texts = (float(weight) for weight in method.arrays_["weights"])
        self.predicted, self.by_text = predicted, texts if "text_map" in method.arrays_ else 0.0
        self.scaled = Scaled(Standardizer(method.arrays_["mean"], method.arrays_["deviation"]))
        self.measured_mean, self.profile_mean, self.reliability, self.correction, self.attribute_map = (
            _fixed(method.arrays_[name]) for name in LEARNED
        )
        texts_learned = [method.arrays_[name] if self.by_text else np.zeros(0) for name in ("text_map", "text_mean")]
        self.text_map, self.text_mean = (_fixed(array) for array in texts_learned)

    def inputs(self, bank: TextBank) -> Inputs:
        asked = bank.only(self.kinds) if self.kinds else bank
        found = {"profiles": described(asked)}
        if self.by_text:
            found["texts"] = asked.vectors([kind for kind in asked.kinds if kind in TEXTS])
        return found

    def forward(
        self, features: Float[Tensor, "N D"], profiles: Float[Tensor, "K A"], texts: Float[Tensor, "K E"] | None = None
    ) -> Float[Tensor, "N K"]:  # fmt: skip
        z = self.scaled(features)
        measured = features[:, slice(*self.columns)]
        a = torch.where(measured != 0, measured - self.measured_mean, 0.0)
        b = torch.where(profiles != 0, profiles - self.profile_mean, 0.0)
        corrected = torch.where(a != 0, a + a @ self.correction, 0.0)
        weights = self.reliability.sqrt()
        scores = _agreement(corrected * weights, b * weights)
        if self.predicted:
            scores = scores + self.predicted * _unit(z @ self.attribute_map) @ _unit(b).T
        if texts is not None:
            scores = scores + self.by_text * _unit(z @ self.text_map) @ _unit(texts - self.text_mean).T
        return scores


HEADS: dict[type[ZeroShotMethod], Callable[..., Head]] = {
    Ridge: lambda method: LinearHead(method, cosine=True), Eszsl: lambda method: LinearHead(method, cosine=False),
    Devise: EmbeddingHead, Pgfa: PgfaHead, Scale: ScaleHead, Match: MatchHead, Skelzero: SkelzeroHead,
}  # fmt: skip


def head_of(method: ZeroShotMethod) -> Head:
    """The scoring of a fitted method.

    Raises
    ------
    UserError
        There is none for this kind of method.
    """
    kind = type(method)
    if kind not in HEADS:
        raise UserError("this method cannot be exported", got=method.kind,
                        expected=", ".join(sorted(known.kind for known in HEADS)),
                        next_step="train one of these on the same clips")  # fmt: skip
    return HEADS[kind](method).eval()


def _agreement(a: Float[Tensor, "N A"], b: Float[Tensor, "K A"]) -> Float[Tensor, "N K"]:
    """Cosine over what both sides know; see `methods.described.agreement`."""
    a_known, b_known = (a != 0).to(a.dtype), (b != 0).to(b.dtype)
    return a @ b.T / ((a**2 @ b_known.T) * (a_known @ (b**2).T)).sqrt().clamp(min=1e-9)


def _unit(vectors: Float[Tensor, "K E"]) -> Float[Tensor, "K E"]:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def _fixed(array: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(array, dtype=np.float32)), requires_grad=False)
