"""An encoder's card: from it the encoder can be rebuilt, and it says which classes the encoder has seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from skelzero.encoders.graph import SkeletonGraph
from skelzero.errors import UserError

if TYPE_CHECKING:
    from skelzero.encoders.features import FeatureCard

FORMAT = 1


class EncoderCard(BaseModel):
    """What a trained encoder is.

    Attributes
    ----------
    encoder : str
        Name in `ENCODERS`.
    graph : SkeletonGraph
        Joints and bones that it reads.
    layout_checksum, pipeline, persons
        How clips must be prepared for it.
    classes : tuple of str
        `dataset:code` of the classes that it was TRAINED on, in the order of its logits.
    adapter : int
        Width of the class vectors that it was trained against; 0 for a classifier.
    clips : int
        Training clips; 0 where that is not known.
    data_key : str
        Which clips those were (`Prepared.key`).
    seed, steps, settings
        How it was trained.
    weights_sha256 : str
    versions : dict
        Of the packages that trained it.
    source : str
        For weights from elsewhere: whose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    encoder: str
    graph: SkeletonGraph
    layout_checksum: str
    pipeline: str
    persons: int
    classes: tuple[str, ...]
    adapter: int = 0
    clips: int = 0
    data_key: str = ""
    seed: int | None = None
    steps: int | None = None
    settings: dict[str, Any] = {}
    weights_sha256: str = ""
    versions: dict[str, str] = {}
    source: str = ""


def check_leak(card: EncoderCard | FeatureCard, unseen: Iterable[str], *, allow: bool = False) -> bool:
    """Whether an encoder has been trained on classes that should be unseen.

    Parameters
    ----------
    card : EncoderCard or FeatureCard
    unseen : iterable of str
        `dataset:code` of the unseen classes.
    allow : bool
        Return True instead of refusing; the figures must then be marked as leaky.

    Raises
    ------
    UserError
        The encoder knows some of them and `allow` is false.
    """
    known = card if isinstance(card, EncoderCard) else card.encoder
    seen = sorted(set(unseen) & set(known.classes))
    if seen and not allow:
        shown = ", ".join(seen[:5]) + (f" and {len(seen) - 5} more" if len(seen) > 5 else "")
        raise UserError(
            "the encoder was trained on unseen classes of the split", where=f"{known.encoder} {known.source}".strip(),
            got=shown, expected="an encoder trained on seen classes only",
            next_step="train one (leave the weights out), or pass --allow-leaky-encoder, which marks every figure",
        )  # fmt: skip
    return bool(seen)
