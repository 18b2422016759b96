"""Reasons: what is taken away is gone and nothing else, and what is named mattered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from skelzero.clips import Clip, Origin, layout_names, load_layout
from skelzero.kinematics import of_clips
from skelzero.recognize import Recognizer
from skelzero.recognize.explain import (
    PARTS,
    explain,
    joints_of,
    log_odds,
    still_trunk,
    without_frames,
    without_part,
)  # fmt: skip
from skelzero.synthetic import make_clip

WORDS = ["raise both arms overhead", "kick with one leg", "deep squat", "bow from the hips", "clap the hands"]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load()


@pytest.mark.parametrize("name", layout_names())
def test_every_joint_belongs_to_one_part(name: str) -> None:
    layout = load_layout(name)
    parts = joints_of(layout)
    assert sorted(j for joints in parts.values() for j in joints) == list(range(len(layout)))
    for part, joints in parts.items():
        side = part.split()[0]
        if side in ("left", "right"):
            other = {"left": "right", "right": "left"}[side]
            assert joints and not any(layout.joints[j].startswith(other) for j in joints), name
    left, right = (
        [j for p in ("left arm", "left leg") for j in parts[p]],
        [j for p in ("right arm", "right leg") for j in parts[p]],
    )
    assert len(left) == len(right), f"{name}: both sides have as many joints"


def test_a_limb_is_taken_away_and_nothing_else() -> None:
    clip = make_clip("s20", 1, 1)
    own = joints_of(clip.layout)
    for part in ("left arm", "right leg", "head"):
        x = without_part(clip, part).positions
        assert np.isnan(x[:, :, own[part]]).all()
        kept = [j for p in PARTS if p != part for j in own[p]]
        np.testing.assert_array_equal(x[:, :, kept], clip.positions[:, :, kept])


@pytest.mark.parametrize("flat", [False, True])
def test_the_trunk_stands_still_and_the_limbs_move_about_it_as_they_did(flat: bool) -> None:
    clip = make_clip("s20", 1, 1)
    layout = load_layout("coco17") if flat else clip.layout
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(1, 1, len(layout), layout.dims))
    wave = np.zeros((1, 30, len(layout), layout.dims))
    hand = layout.joints.index("left_wrist")
    wave[:, :, hand] = np.sin(np.linspace(0, 6, 30))[None, :, None]
    angle = np.linspace(0, 1, 30)
    turn = np.eye(layout.dims)[None].repeat(30, axis=0)
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 0, 1], turn[:, 1, 0] = -np.sin(angle), np.sin(angle)
    still = (pose + wave).astype(np.float32)
    moving = np.einsum("ptvc,tdc->ptvd", still, turn) + rng.normal(size=(1, 30, 1, layout.dims))
    found = still_trunk(Clip(moving.astype(np.float32), layout, Origin("turning"), unit="px" if flat else "m"))
    # Brought to the first frame's trunk, which was turned by nothing and shifted.
    np.testing.assert_allclose(found - found[:, :1], still - still[:, :1], atol=1e-4)


def test_frames_are_cut_out_and_time_is_kept() -> None:
    clip = make_clip("s20", 1, 1)
    cut = without_frames(clip, 5, 15)
    assert cut.frames == clip.frames - 10
    assert cut.frames / cut.fps == pytest.approx(clip.frames / clip.fps)
    np.testing.assert_array_equal(cut.positions[:, 5:], clip.positions[:, 15:])


def test_log_odds_by_hand() -> None:
    scores = np.array([[0.2, 0.5, 0.1]])
    expected = 5.0 - logsumexp([2.0, 1.0])
    assert log_odds(scores, 1, 0.1)[0] == pytest.approx(expected)
    assert log_odds(scores[:, :1], 0, 0.1)[0] == pytest.approx(2.0)


def test_what_a_score_depends_on_is_named() -> None:
    """A made-up method that looks at one hand's height in one second only."""
    clip = make_clip("s01", 1, 1)
    hand, frames = clip.layout.joints.index("right_hand"), clip.frames
    x = clip.positions.copy()
    x[:, :, hand, 1] = 0
    x[:, frames // 2 + 3 : frames // 2 + 7, hand, 1] = 3  # within the fifth of eight stretches

    def score(clips: list[Clip]) -> np.ndarray:
        found = [float(np.nan_to_num(c.positions[:, :, hand, 1]).max()) for c in clips]
        return np.array([[value, 1.0] for value in found])

    reason = explain(clip.with_step("raised", x), score, 0, "raise", 1.0, begin=10.0, fps=clip.fps)
    assert reason.parts[0] == ("right arm", 1.0) and all(
        weight == 0 for part, weight in reason.parts[1:] if part != "trunk"
    )
    best = max(reason.moments, key=lambda m: m[2])
    assert best[0] <= 10 + (frames // 2 + 5) / clip.fps <= best[1]
    assert reason.joints["right_hand"] == 1 and reason.joints["left_hand"] == 0
    assert reason.moments[0][0] == 10 and reason.moments[-1][1] == pytest.approx(10 + frames / clip.fps)


def test_answers_come_with_reasons(recognizer: Recognizer) -> None:
    clip = make_clip("s53", 2, 1, seed=3)
    plain = recognizer.recognize(clip, WORDS).segments[0]
    answer = recognizer.recognize(clip, WORDS, explain=True).segments[0]
    assert plain.reason is None and "reason" not in plain.to_json()
    assert answer.labels == plain.labels and answer.reason is not None
    said = answer.to_json()["reason"]
    assert set(said) == {"label", "parts", "moments", "joints", "attributes"}
    assert said["label"] == answer.labels[0].label
    assert {p["part"] for p in said["parts"]} == set(PARTS) and set(said["joints"]) == set(clip.layout.joints)
    weights = [p["weight"] for p in said["parts"]] + [m["weight"] for m in said["moments"]]
    assert all(0 <= w <= 1 for w in weights)
    assert 0 < len(said["attributes"]) <= 6 and sum(a["weight"] for a in said["attributes"]) <= 1 + 1e-6


def test_named_parts_matter_more_than_others(recognizer: Recognizer) -> None:
    """Held still instead of taken away, which the explanation did not try."""
    bank, _ = recognizer.texts(WORDS)
    losses = []
    for code, subject in [(c, s) for c in ("s20", "s44", "s53", "s24") for s in (1, 2, 3)]:
        clip = make_clip(code, subject, 1, seed=5)
        reason = recognizer.recognize(clip, WORDS, explain=True).segments[0].reason
        assert reason is not None
        own = joints_of(clip.layout)

        def frozen(part: str, clip: Clip = clip, own: dict[str, list[int]] = own) -> Clip:
            x = clip.positions.copy()
            x[:, :, own[part]] = x[:, :1, own[part]]
            return clip.with_step("frozen", x)

        limbs = [part for part, _ in reason.parts if part not in ("trunk", "head")]
        changed = [clip, frozen(limbs[0]), *(frozen(part) for part in limbs[1:])]
        odds = log_odds(
            recognizer.run.method.scores(recognizer.features(changed), bank), WORDS.index(reason.label), 1.0
        )
        losses.append((odds[0] - odds[1], odds[0] - odds[2:].mean()))
    named, others = np.mean(losses, axis=0)
    assert named > others + 0.05


def test_attributes_add_up_to_the_agreement(recognizer: Recognizer) -> None:
    bank, _ = recognizer.texts(WORDS)
    x = np.concatenate(of_clips([make_clip("s20", 1, 1), make_clip("s44", 2, 1)]), axis=1)
    method = recognizer.run.method.at({"predicted": 0.0, "texts": 0.0})
    np.testing.assert_allclose(method.contributions(x, bank).sum(axis=2), method.scores(x, bank), atol=1e-5)
