"""Which tracked bodies of an NTU RGB+D clip are people, and which of them are the actors.

The Kinect v2 tracker reports furniture as bodies and one person under several ids. The rules below are those that the
field shares (data.md, NTU preprocessing 1 and 2), but use no class label: a clip is one of two people when two
overlapping tracks survive, not because its class is known to be an interaction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from skelzero.clips import Clip
from skelzero.errors import UserError

MIN_FRAMES = 11
MAX_SPREAD = 0.8
"""Width over height above which a frame does not show a standing or sitting person."""
NOISE_SHARE = 0.69754
"""Share of too-wide frames from which a track is noise; the value of the public NTU preprocessing scripts."""


@dataclass(frozen=True)
class Track:
    """One tracked body: its positions (T V 3), where it is present (T) and how much it moves."""

    positions: Float32[np.ndarray, "T V 3"]
    present: Bool[np.ndarray, " T"]
    motion: float

    @property
    def span(self) -> tuple[int, int]:
        frames = np.flatnonzero(self.present)
        return int(frames[0]), int(frames[-1]) + 1


def select_bodies(clip: Clip) -> Clip:
    """Keep at most two people: short and too-wide tracks dropped, the most active first, pieces of one person joined.

    Parameters
    ----------
    clip : Clip
        As read: one person a tracking id, NaN where absent.

    Returns
    -------
    Clip
        One or two persons; NaN where absent.

    Raises
    ------
    UserError
        No track survives.
    """
    tracks = _denoise([track for person in clip.positions if (track := _track(person)) is not None])
    if not tracks:
        where = clip.origin.file or clip.origin.name
        raise UserError("no body in this clip", where=where, next_step="leave it out; the owners list such clips")
    actors = _assign(sorted(tracks, key=lambda track: track.motion, reverse=True))
    return clip.with_step("ntu-bodies", np.stack(actors), confidence=None)


def _track(positions: Float32[np.ndarray, "T V 3"]) -> Track | None:
    present = np.isfinite(positions).all(axis=-1).any(axis=-1) & (np.nan_to_num(positions) != 0).any(axis=(1, 2))
    if not present.any():
        return None
    return Track(positions, present, _motion(positions[present]))


def _motion(positions: Float32[np.ndarray, "T V 3"]) -> float:
    points = positions.reshape(-1, 3)
    return float(np.nansum(np.nanvar(points, axis=0)))


def _denoise(tracks: list[Track]) -> list[Track]:
    # A clip with a single track keeps it whatever it looks like: there is nothing better to show.
    if len(tracks) > 1:
        tracks = [track for track in tracks if track.present.sum() >= MIN_FRAMES] or tracks
    if len(tracks) > 1:
        judged = [_without_wide_frames(track) for track in tracks]
        tracks = [track for track in judged if track is not None] or tracks
    return tracks


def _without_wide_frames(track: Track) -> Track | None:
    """The track with its motion counted over plausible frames only; None when most of its frames are too wide."""
    x = track.positions[track.present]
    width, height = (np.nanmax(x[..., a], axis=1) - np.nanmin(x[..., a], axis=1) for a in (0, 1))
    plausible = width <= MAX_SPREAD * height
    if 1 - plausible.mean() >= NOISE_SHARE:
        return None
    if plausible.all():
        return track
    return Track(track.positions, track.present, min(track.motion, _motion(x[plausible])))


def _assign(tracks: list[Track]) -> list[Float32[np.ndarray, "T V 3"]]:
    """Give each track to the first actor whose time it does not overlap; a third person at once is dropped."""
    actors: list[Float32[np.ndarray, "T V 3"]] = []
    spans: list[tuple[int, int]] = []
    for track in tracks:
        start, end = track.span
        for i, (a, b) in enumerate(spans):
            if min(b, end) - max(a, start) <= 0:
                actors[i][track.present] = track.positions[track.present]
                spans[i] = (min(a, start), max(b, end))
                break
        else:
            if len(actors) < 2:
                actors.append(np.where(track.present[:, None, None], track.positions, np.float32(np.nan)))
                spans.append((start, end))
    return actors
