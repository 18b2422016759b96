"""One-shot recognition: a single clip of each unseen class is given as an example (PGFA, NTU RGB+D 120).

Examples come from the training side of the partition (other people, or other views), where no method is fitted on
them; since a single one is a matter of luck, several draws are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from skelzero.encoders import FeatureSet
from skelzero.errors import UserError
from skelzero.methods.scaling import Standardizer
from skelzero.protocol.phases import Judged
from skelzero.text.bank import unit

DRAWS = 20


@dataclass(frozen=True)
class OneShot:
    """Every held clip of an unseen class, once a draw of examples.

    Attributes
    ----------
    scores : float (draws * M, U)
        Cosines with the examples.
    truth : int (draws * M,)
    space : str
        `own` where the method has a space of clips and classes, else `features`.
    """

    scores: Float[np.ndarray, "N U"]
    truth: Int[np.ndarray, " N"]
    space: str


def one_shot(judged: Judged, *, with_text: bool, seed: int, draws: int = DRAWS) -> OneShot:
    """Nearest example by cosine.

    Parameters
    ----------
    judged : Judged
        In the final phase.
    with_text : bool
        Examples are averaged with the texts of their classes, both of unit length.
    seed, draws : int
        Of the draws of examples.

    Raises
    ------
    UserError
        A class without a clip on the training side; texts asked for where the method has no space for them.
    """
    phase, others = judged.phase, judged.phase.codes[judged.phase.fitted :]
    given = phase.exemplars
    missing = [code for code in others if given is None or code not in set(given.codes.tolist())]
    if given is None or missing:
        raise UserError("no clip that could serve as an example", got=f"no training clip of {', '.join(missing[:12])}",
                        expected="at least one of each unseen class",
                        next_step="import more clips, or choose another partition")  # fmt: skip
    held = phase.held.take(np.flatnonzero(~judged.seen[judged.truth]))
    found = _spaces(judged, held, given)
    if found is None and with_text:
        raise UserError(f"{judged.method.kind} has no space in which clips and texts could be averaged",
                        next_step="leave one-shot-text out, or name a method such as pgfa or ridge")  # fmt: skip
    clips, examples, texts = found or (*_features(judged, held, given), None)
    rng, scores = np.random.default_rng([seed, 7]), []
    for _ in range(draws):
        chosen = [int(rng.choice(np.flatnonzero(given.codes == code))) for code in others]
        prototypes = examples[chosen]
        if with_text:
            assert texts is not None
            prototypes = unit(prototypes + texts)
        scores.append(clips @ prototypes.T)
    return OneShot(np.concatenate(scores), np.tile(judged.unseen_truth, draws), "own" if found else "features")


Vectors = Float32[np.ndarray, "N E"]


def _spaces(judged: Judged, held: FeatureSet, given: FeatureSet) -> tuple[Vectors, Vectors, Vectors] | None:
    """Held clips, examples and texts in the method's own space."""
    first, second = (judged.method.embed(clips.features, judged.phase.unseen_bank) for clips in (held, given))
    return None if first is None or second is None else (first[0], second[0], first[1])


def _features(judged: Judged, held: FeatureSet, given: FeatureSet) -> tuple[Vectors, Vectors]:
    """Held clips and examples as unit features, z-scored by the fitted clips."""
    scale = Standardizer.of(judged.phase.fit.features)
    return unit(scale(held.features)), unit(scale(given.features))
