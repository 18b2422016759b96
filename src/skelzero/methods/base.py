"""The contract of every method: fit on seen clips and seen texts, score any clips against any texts.

Leakage is impossible by shape: `fit` gets clips and texts of seen classes and nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float32, Int
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from skelzero import __version__
from skelzero.cards import CARD, read_json, sha256_file, staged_folder, write_json
from skelzero.errors import UserError
from skelzero.registry import Registry
from skelzero.text import TextBank

Progress = Callable[[int, int], None]
WEIGHTS = "weights.safetensors"
BLOCK = 1 << 14
"""Clips that are scored together."""


@dataclass(frozen=True)
class Fitting:
    """How one fit is run.

    Attributes
    ----------
    seed : int
    progress : callable (done, total), optional
    folder : Path, optional
        Where a long training keeps its checkpoint, and from where it goes on to the same bits.
    views : mapping of str to float32 (N, D)
        Features of changed forms of the same clips by the same encoder: of `ZeroShotMethod.views`, those at hand.
    blocks : mapping of str to (start, stop)
        Which columns of the features are what, where features of several kinds stand side by side.
    """

    seed: int = 0
    progress: Progress | None = None
    folder: Path | None = None
    views: Mapping[str, Float32[np.ndarray, "N D"]] = field(default_factory=dict)
    blocks: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class MethodSettings(BaseModel):
    """Settings of a method; `kinds` are the texts it reads, all of the bank's when empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: tuple[str, ...] = ()


class ZeroShotMethod(ABC):
    """Base of all methods.

    Parameters
    ----------
    **settings
        Fields of `Settings`.

    Attributes
    ----------
    settings : MethodSettings
        As given; never changed by `fit`.
    diagnostics_ : dict
        What `fit` noticed; JSON-like.
    width_, text_width_, classes_ : int, int, tuple of str
        Learned by `fit`: feature width, text width, and the seen classes.

    Raises
    ------
    UserError
        An unknown setting, or a value out of range.
    """

    Settings: ClassVar[type[MethodSettings]] = MethodSettings
    kind: ClassVar[str] = ""
    requires: ClassVar[tuple[str, ...]] = ()
    """Kinds of text that the method cannot do without; it reads these and no others, and a bank may hold more."""
    scores_are_logits: ClassVar[bool] = False
    """A softmax of the scores as they are gives the method's own probabilities."""

    resumable: ClassVar[bool] = False
    """A fit takes so long that it keeps a checkpoint in the folder it is given."""
    staged: ClassVar[bool] = False
    """A fit has several stages, of which one is chosen on pseudo-unseen classes."""
    views: ClassVar[tuple[str, ...]] = ()
    """Changed forms of the clips whose features a fit asks for beside the clips' own."""
    described: ClassVar[bool] = False
    """It reads motion attributes of classes; they are added to the semantics where none were asked for."""
    encoder: ClassVar[str] = ""
    """Features that it needs: an encoder of its own, or what has to stand behind the one asked for (`+kinematics`)."""
    end_to_end: ClassVar[bool] = False
    """The features that it reads come from an encoder trained for it: see `EndToEndMethod`."""
    statistics: ClassVar[tuple[str, ...]] = ("mean", "deviation", "text_mean", "seen_vectors")
    """Of `_state`, what is read off clips and texts and not counted among the parameters."""

    def __init__(self, **settings: Any) -> None:
        try:
            self.settings = self.Settings(**settings)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(p) for p in first["loc"])
            raise UserError(f"{self.kind}: setting {name!r} {first['msg'].lower()}", got=repr(first.get("input")),
                            expected=", ".join(self.Settings.model_fields)) from error  # fmt: skip
        self.diagnostics_: dict[str, Any] = {}

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        """Settings worth trying on pseudo-unseen classes, the default first."""
        return [{}]

    def stages(self) -> list[dict[str, Any]]:
        """Settings that a fitted method can take on without another fit, such as an earlier point of its training."""
        return [{}]

    def at(self, stage: dict[str, Any]) -> Self:
        """The fitted method in one of its stages."""
        return self

    def fit(
        self,
        x: Float32[np.ndarray, "N D"],
        y: Int[np.ndarray, " N"],
        bank: TextBank,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        folder: Path | None = None,
        views: Mapping[str, Float32[np.ndarray, "N D"]] | None = None,
        blocks: Mapping[str, tuple[int, int]] | None = None,
    ) -> Self:
        """Learn from clips of seen classes.

        Parameters
        ----------
        x : float32 (N, D)
            Clip features.
        y : int (N,)
            Rows of `bank`.
        bank : TextBank
            Texts of the seen classes, and of no other.
        seed : int
            Equal seeds give equal results on one machine.
        progress : callable (done, total), optional
        folder : Path, optional
            For checkpoints of methods that train long; the caller removes it.
        views : mapping of str to float32 (N, D), optional
            Features of changed forms of the same clips, for methods that name some in `views`.
        blocks : mapping of str to (start, stop), optional
            Which columns of `x` are what; see `FeatureCard.blocks`.

        Raises
        ------
        UserError
            Features that are not finite, labels out of range, fewer than two classes, a kind that the bank lacks.
        """
        x = _features(x, None)
        y = np.asarray(y)
        if y.shape != (len(x),) or y.dtype.kind not in "iu" or not len(y):
            raise UserError("labels do not fit the clips", got=f"{y.dtype} {y.shape}", expected=f"integers ({len(x)},)")
        if y.min() < 0 or y.max() >= len(bank):
            raise UserError("a label is not a row of the text bank", got=f"{y.min()}..{y.max()}",
                            expected=f"0..{len(bank) - 1}")  # fmt: skip
        if len(np.unique(y)) < 2:
            raise UserError("at least two seen classes are needed", got=len(np.unique(y)),
                            next_step="choose a split with more seen classes")  # fmt: skip
        texts = self._texts(bank)
        self.width_, self.text_width_, self.classes_ = x.shape[1], texts.width, bank.classes
        self.diagnostics_ = {}
        further = {name: _features(views[name], x.shape[1]) for name in self.views if views and name in views}
        assert all(len(view) == len(x) for view in further.values()), "a view has a row a clip"
        self._fit(x, y.astype(np.int64), texts, Fitting(seed, progress, folder, further, blocks or {}))
        return self

    def scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]:
        """How well each class of a bank fits each clip; higher is better.

        Raises
        ------
        UserError
            Not fitted, features of another width than fitted, texts of another encoder's width.
        """
        x, bank = self._checked(x, bank)
        if len(x) <= BLOCK:
            return self._scores(x, bank)
        # What a method computes on the way is many times as large as what it returns. And results that were kept block
        # by block would lie between what is freed on the way, so that it could not be used again.
        first = self._scores(x[:BLOCK], bank)
        found = np.empty((len(x), first.shape[1]), first.dtype)
        found[:BLOCK] = first
        for start in range(BLOCK, len(x), BLOCK):
            found[start : start + BLOCK] = self._scores(x[start : start + BLOCK], bank)
        return found

    def embed(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]] | None:  # fmt: skip
        """Clips and classes as vectors of one space in which they are compared by cosine; None where there is none."""
        return self._embed(*self._checked(x, bank))

    def space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]] | None:  # fmt: skip
        """Clips and classes in the space in which they meet, to be looked at; None where there is none.

        Distances need not be what scores are made of: a generative method gives its latent means.
        """
        return self._space(*self._checked(x, bank))

    @property
    def parameters(self) -> int:
        """How many numbers were learned. A classifier that is trained for the classes asked about is not among them."""
        self._check_fitted()
        return sum(v.size for k, v in self._state().items() if v.dtype.kind == "f" and k not in self.statistics)

    def predict(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Int[np.ndarray, " N"]:
        """The best class of a bank for each clip, as row numbers."""
        return self.scores(x, bank).argmax(axis=1)

    def save(self, folder: Path) -> None:
        """Write the fitted method: `weights.safetensors` and `card.json`."""
        self._check_fitted()
        card = {"method": self.kind, "settings": self.settings.model_dump(mode="json"), "width": self.width_,
                "text_width": self.text_width_, "classes": list(self.classes_), "diagnostics": self.diagnostics_,
                "version": __version__}  # fmt: skip
        with staged_folder(folder, replace=True) as stage:
            save_file({k: np.ascontiguousarray(v) for k, v in self._state().items()}, stage / WEIGHTS)
            write_json(stage / CARD, {**card, "weights_sha256": sha256_file(stage / WEIGHTS)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a fitted method of this kind."""
        card = read_json(folder / CARD, what="method")
        if card.get("method") != cls.kind:
            raise UserError("another method lies here", where=folder, got=card.get("method"), expected=cls.kind)
        try:
            method = cls(**card["settings"])
            method.width_, method.text_width_ = int(card["width"]), int(card["text_width"])
            method.classes_, method.diagnostics_ = tuple(card["classes"]), dict(card["diagnostics"])
            # Methods saved by earlier versions have no checksum.
            if "weights_sha256" in card and sha256_file(folder / WEIGHTS) != card["weights_sha256"]:
                raise ValueError(f"the checksum of {WEIGHTS} is wrong")
            method._restore(load_file(folder / WEIGHTS))
        except (KeyError, TypeError, ValueError, OSError, RuntimeError, SafetensorError) as error:
            raise UserError("this method is damaged", where=folder, got=f"{type(error).__name__}: {error}",
                            next_step="train it again") from error  # fmt: skip
        return method

    def _texts(self, bank: TextBank) -> TextBank:
        """What of a bank this method reads."""
        asked = bank.only(self.settings.kinds) if self.settings.kinds else bank
        if missing := [kind for kind in self.requires if kind not in asked.kinds]:
            raise UserError(f"{self.kind} needs {' and '.join(missing)} texts", got=", ".join(asked.kinds),
                            expected=", ".join(self.requires),
                            next_step=f"build the bank with --semantics {','.join(self.requires)}")  # fmt: skip
        return asked.only(self.requires) if self.requires else asked

    def _checked(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N D"], TextBank]:  # fmt: skip
        """Clips and texts that fit what was learned."""
        self._check_fitted()
        x = _features(x, self.width_)
        if bank.width != self.text_width_:
            raise UserError("these texts come from another encoder", got=f"width {bank.width} ({bank.encoder})",
                            expected=f"width {self.text_width_}")  # fmt: skip
        return x, self._texts(bank)

    def _embed(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]] | None:  # fmt: skip
        return None

    def _space(
        self, x: Float32[np.ndarray, "N D"], bank: TextBank
    ) -> tuple[Float32[np.ndarray, "N E"], Float32[np.ndarray, "K E"]] | None:  # fmt: skip
        return self._embed(x, bank)

    def _check_fitted(self) -> None:
        if not hasattr(self, "width_"):
            raise UserError(f"{self.kind} is not fitted", next_step="call fit, or load a trained one")

    @abstractmethod
    def _fit(self, x: Float32[np.ndarray, "N D"], y: Int[np.ndarray, " N"], bank: TextBank, run: Fitting) -> None: ...

    @abstractmethod
    def _scores(self, x: Float32[np.ndarray, "N D"], bank: TextBank) -> Float32[np.ndarray, "N K"]: ...

    @abstractmethod
    def _state(self) -> dict[str, np.ndarray]:
        """Everything learned, as named arrays."""

    @abstractmethod
    def _restore(self, state: dict[str, np.ndarray]) -> None:
        """Take over what `_state` gave."""


class EndToEndMethod(ZeroShotMethod):
    """Base of methods whose skeleton encoder is trained for them, against the texts of the seen classes.

    Their features are what that encoder's adapter gives: vectors as wide as the class vectors. Whoever fits one on
    clips trains the encoder first (`encoders.train_encoder` with `anchors`); the protocol does so by itself.
    """

    end_to_end = True

    @abstractmethod
    def training(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of the encoder's training (`encoders.TrainSettings`, without the seed).

        Parameters
        ----------
        given : mapping
            Settings of the encoder that all other methods of a comparison share.
        """

    @abstractmethod
    def anchors(self, bank: TextBank) -> Float32[np.ndarray, "K E"]:
        """Unit vectors of the seen classes that the encoder is trained against."""


def _features(x: np.ndarray, width: int | None) -> Float32[np.ndarray, "N D"]:
    x = np.asanyarray(x)
    if x.ndim != 2 or x.dtype.kind != "f" or (width is not None and x.shape[1] != width):
        raise UserError(
            "features do not fit", got=f"{x.dtype} {x.shape}", expected=f"float (clips, {width or 'width'})"
        )
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x).all(axis=1)).sum())
        raise UserError("features are not finite", got=f"{bad} of {len(x)} clips", next_step="leave these clips out")
    # Keeps an array that counts products (`protocol.cost`) what it is.
    return np.require(x, np.float32, "C")


@dataclass(frozen=True)
class MethodSpec:
    """A registered name: a class, and the settings that the name stands for."""

    name: str
    method: type[ZeroShotMethod]
    fixed: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    searched: bool = True

    def __call__(self, **settings: Any) -> ZeroShotMethod:
        return self.method(**{**self.fixed, **settings})

    def candidates(self) -> list[dict[str, Any]]:
        return self.method.candidates() if self.searched else [{}]


METHODS: Registry[MethodSpec] = Registry("method")


def load_method(folder: Path) -> ZeroShotMethod:
    """Read any fitted method; its card says which."""
    name = read_json(Path(folder) / CARD, what="method").get("method")
    kinds = {spec.method.kind: spec.method for spec in (METHODS[n] for n in METHODS)}
    if name not in kinds:
        raise UserError("a method that this version does not know", where=folder, got=name, expected=", ".join(kinds))
    return kinds[name].load(Path(folder))
