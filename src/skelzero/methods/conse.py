"""ConSE: the texts of likely seen classes, mixed by their probabilities (Norouzi et al., ICLR 2014)."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Float32, Int
from pydantic import Field

from skelzero.errors import UserError
from skelzero.methods.alignment.geometry import log_softmax
from skelzero.methods.base import METHODS, Fitting, MethodSettings, MethodSpec, ZeroShotMethod
from skelzero.methods.scaling import Standardizer
from skelzero.text import TextBank
from skelzero.text.bank import unit

ITERATIONS = 500


def convex_combination(
    probabilities: Float[np.ndarray, "N S"], seen_vectors: Float[np.ndarray, "S E"], top_t: int = 10
) -> Float[np.ndarray, "N E"]:
    """Each clip's own text vector: sum_t p_t s_t / sum_t p_t over the T likeliest seen classes (section 3).

    Parameters
    ----------
    probabilities : float (N, S)
        Of the seen classes, from whatever classifier; rows need not add up to 1.
    seen_vectors : float (S, E)
        Text vectors of the same classes in the same order.
    top_t : int
        T; all classes when there are fewer. Of classes that tie, the first counts.

    Raises
    ------
    UserError
        Shapes that do not fit, negative or missing probabilities, T below one.
    """
    p = np.asanyarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or np.ndim(seen_vectors) != 2 or p.shape[1] != len(seen_vectors) or top_t < 1:
        raise UserError("probabilities and seen texts do not fit",
                        got=f"{p.shape}, {np.shape(seen_vectors)}, top_t {top_t}",
                        expected="(clips, classes), (classes, width), 1 or more")  # fmt: skip
    if not np.isfinite(p).all() or (p < 0).any() or (p.sum(axis=1) == 0).any():
        raise UserError("these are no probabilities", expected="finite, not negative, one above zero in each row",
                        next_step="give a softmax of the classifier's logits")  # fmt: skip
    kept = np.zeros_like(p)
    top = np.argsort(-p, axis=1, kind="stable")[:, :top_t]
    np.put_along_axis(kept, top, np.take_along_axis(p, top, axis=1), axis=1)
    return kept / kept.sum(axis=1, keepdims=True) @ np.asanyarray(seen_vectors, dtype=np.float64)


def conse_scores(
    probabilities: Float[np.ndarray, "N S"], seen_vectors: Float[np.ndarray, "S E"],
    vectors: Float[np.ndarray, "K E"], *, top_t: int = 10, centre_text: bool = True,
) -> Float32[np.ndarray, "N K"]:  # fmt: skip
    """Cosine between each clip's mixed text and the texts of any classes.

    Parameters
    ----------
    probabilities : float (N, S)
    seen_vectors, vectors : float (S, E), (K, E)
        `TextBank.vectors()` of the seen classes and of those asked for.
    top_t : int
    centre_text : bool
        Take the seen classes' mean from all text vectors first. Sentence embeddings share a large common part, which
        otherwise leaves all cosines nearly alike.
    """
    clips, classes = conse_vectors(probabilities, seen_vectors, vectors, top_t=top_t, centre_text=centre_text)
    return (clips @ classes.T).astype(np.float32)


def conse_vectors(
    probabilities: Float[np.ndarray, "N S"], seen_vectors: Float[np.ndarray, "S E"],
    vectors: Float[np.ndarray, "K E"], *, top_t: int = 10, centre_text: bool = True,
) -> tuple[Float[np.ndarray, "N E"], Float[np.ndarray, "K E"]]:  # fmt: skip
    """Each clip's mixed text and the texts of any classes, of unit length; see `conse_scores`."""
    mean = seen_vectors.mean(axis=0, dtype=np.float64) * centre_text
    mixed = convex_combination(probabilities, unit(seen_vectors - mean), top_t)
    return unit(mixed), unit(vectors - mean)


class ConseSettings(MethodSettings):
    """Settings of ConSE.

    Attributes
    ----------
    top_t : int
        T, the number of seen classes that are mixed; 10 in the paper, all when there are fewer.
    temperature : float
        Divides the logits: below 1 the likeliest classes count for more.
    penalty : float
        Of the classifier's squared weights, per clip.
    centre_text : bool
        See `conse_scores`.
    """

    top_t: int = Field(10, ge=1)
    temperature: float = Field(1.0, gt=0)
    penalty: float = Field(0.3, gt=0)
    centre_text: bool = True


class Conse(ZeroShotMethod):
    """Convex combination of seen texts, weighted by a classifier's probabilities (section 3).

    Kept: the combination of the T likeliest, and the ranking by cosine. The paper's probabilities are the softmax of
    the visual network; a method knows features only, so a multinomial logistic regression on z-scored features stands
    in for it. Who has a network's own softmax calls `conse_scores`. Texts are centred, which the paper does not do.
    """

    Settings: ClassVar[type[MethodSettings]] = ConseSettings
    kind = "conse"
    settings: ConseSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"top_t": 5}, {"top_t": 1}, {"temperature": 2.0}]

    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None:
        from sklearn.exceptions import ConvergenceWarning  # slow to import
        from sklearn.linear_model import LogisticRegression

        self.standardizer_ = Standardizer.of(x)
        X = self.standardizer_(x).astype(np.float64)
        model = LogisticRegression(C=1 / (self.settings.penalty * len(X)), max_iter=ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # told in the diagnostics instead
            model.fit(X, y)
        # Of two classes scikit-learn keeps only the second's weights: the first's are zero.
        weights, bias = (np.concatenate([np.zeros_like(a), a]) if len(a) == 1 else a
                         for a in (model.coef_, model.intercept_))  # fmt: skip
        self.weights_, self.bias_ = weights, bias
        self.seen_vectors_ = bank.vectors()[model.classes_]
        self.diagnostics_ = {"training_accuracy": float(model.score(X, y)), "iterations": int(model.n_iter_.max()),
                             "converged": int(model.n_iter_.max()) < ITERATIONS}  # fmt: skip

    def probabilities(self, x: Float32[np.ndarray, "N D"]) -> Float[np.ndarray, "N S"]:
        """Of the seen classes that had clips, in the order of their rows."""
        logits = self.standardizer_(x).astype(np.float64) @ self.weights_.T + self.bias_
        return np.exp(log_softmax(logits, self.settings.temperature))

    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        return conse_scores(self.probabilities(x), self.seen_vectors_, bank.vectors(), top_t=self.settings.top_t,
                            centre_text=self.settings.centre_text)  # fmt: skip

    def _embed(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]]:  # fmt: skip
        clips, classes = conse_vectors(self.probabilities(x), self.seen_vectors_, bank.vectors(),
                                       top_t=self.settings.top_t, centre_text=self.settings.centre_text)  # fmt: skip
        return clips.astype(np.float32), classes.astype(np.float32)

    def _state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights_, "bias": self.bias_, "seen_vectors": self.seen_vectors_,
                "mean": self.standardizer_.mean, "deviation": self.standardizer_.deviation}  # fmt: skip

    def _restore(self, state: dict[str, np.ndarray]) -> None:
        self.weights_, self.bias_, self.seen_vectors_ = state["weights"], state["bias"], state["seen_vectors"]
        self.standardizer_ = Standardizer(state["mean"], state["deviation"])


METHODS.add("conse", MethodSpec("conse", Conse, summary="ConSE: the texts of likely seen classes, mixed"))
