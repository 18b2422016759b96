"""Performing a class: a person's manner, a timeline, and the angles that follow from both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from skelzero.synthetic import curves, ground
from skelzero.synthetic.body import Body
from skelzero.synthetic.kinematics import ANGLES, JOINT, LIMBS, MEMBERS, joint_positions
from skelzero.synthetic.reach import arm_to
from skelzero.synthetic.vocabulary import REST, Action, Part, Posture, postures

FPS = 30.0
SHORTEST, LONGEST = 1.5, 5.0
"""Seconds of a recording."""
LOOSENESS = {"arm": 2.5, "leg": 1.2, "trunk": 2.0, "head": 3.0, "body": 0.0}
"""How far rest postures differ from person to person and how much idle limbs sway, degrees."""
UNCERTAINTY = {"arm": 5.0, "leg": 1.8, "trunk": 2.5, "head": 4.0, "body": 1.0}
"""How exactly a named posture is taken, degrees."""
LIMITS = {"arm": (-60.0, 192.0), "leg": (-60.0, 130.0)}
"""Of raise and spread, degrees."""
STRAIGHTEST, MOST_BENT = 0.0, 150.0
"""Elbow and knee, degrees."""


@dataclass(frozen=True)
class Person:
    """A body and the manner in which it moves.

    Attributes
    ----------
    body : Body
    rest : array (27,)
        Angles at rest, degrees.
    amplitude, tempo : float
        Size of movements and their duration, 1 for the average person.
    """

    body: Body
    rest: Float[np.ndarray, "A"]
    amplitude: float = 1.0
    tempo: float = 1.0

    @classmethod
    def average(cls, stature: float = 1.7) -> Person:
        return cls(Body.of_stature(stature), average_rest())

    @classmethod
    def sample(cls, random: np.random.Generator) -> Person:
        body = Body.sample(random)
        amplitude, tempo = random.normal(1.0, [0.05, 0.08])
        return cls(body, average_rest() + looseness() * random.normal(size=ANGLES), float(amplitude), float(tempo))

    def on_a_day(self, random: np.random.Generator) -> Person:
        """The same person in another recording: a little different in all but the body."""
        amplitude = float(np.clip(self.amplitude * random.normal(1.0, 0.05), 0.82, 1.1))
        tempo = self.tempo * float(random.normal(1.0, 0.06))
        return Person(self.body, self.rest + 0.6 * looseness() * random.normal(size=ANGLES), amplitude, tempo)


@dataclass(frozen=True)
class Timeline:
    """When which part of the class is performed.

    Attributes
    ----------
    phase : array (T,)
        Rounds done so far.
    share : array (T,)
        How far the person has gone over from standing at rest into the class, 0 to 1.
    seconds : float
        Mean duration of a round.
    """

    phase: Float[np.ndarray, "T"]
    share: Float[np.ndarray, "T"]
    seconds: float


def average_rest() -> Float[np.ndarray, "A"]:
    """The rest posture of the vocabulary."""
    rest = np.zeros(ANGLES)
    for limb, where in MEMBERS.values():
        angles = postures()[limb][REST].angles
        rest[where] = [angles.get(name, 0.0) for name in LIMBS[limb]]
    return rest


def looseness() -> Float[np.ndarray, "A"]:
    loose = np.zeros(ANGLES)
    for limb, where in MEMBERS.values():
        loose[where] = LOOSENESS[limb]
    return loose


def perform(action: Action, person: Person, random: np.random.Generator) -> Float[np.ndarray, "T V 3"]:
    """Joint positions of a person performing a class on the floor y = 0, at first facing +z, metres at 30 frames/s."""
    line = plan(action, person.tempo, random)
    angles = pose(action, person, line, random)
    if action.either_side and random.random() < 0.5:
        angles = mirrored(angles)
    if action.on_hands_and_feet:
        angles = lain_down(angles, person.body)
    lift = np.zeros(len(line.phase))
    for window in action.air:
        lift += ground.flight(line.phase % 1.0, window, line.seconds) * (line.share >= 1)
    return ground.stand(joint_positions(angles, person.body), lift, person.body)


def plan(action: Action, tempo: float, random: np.random.Generator) -> Timeline:
    """Draw the timeline: stand, go over, rounds of slightly different length, go back, stand."""
    low, high = action.seconds
    seconds = float(np.clip(random.uniform(low, high) * tempo, 0.9 * low, min(1.1 * high, LONGEST - 0.3)))
    rounds = int(random.integers(action.rounds[0], action.rounds[1] + 1))
    if action.rhythmic and random.random() < 0.4:
        length = np.clip(rounds * seconds, SHORTEST, LONGEST)
        phase = random.random() + np.arange(round(length * FPS)) / (FPS * seconds)
        return Timeline(phase, np.ones_like(phase), seconds)
    lead, tail = random.uniform(0.08, 0.4, 2)
    over = 0.0 if _begins_at_rest(action) else random.uniform(0.35, 0.6)
    rounds = max(1, min(rounds, int((LONGEST - lead - tail - 2 * over) / seconds)))
    start = 0.5 if action.rhythmic and not _airborne(action, 0.5) and random.random() < 0.5 else 0.0
    lengths = seconds * random.uniform(0.94, 1.06, rounds)
    marks = np.cumsum([lead + over, *lengths])
    total = float(np.clip(marks[-1] + over + tail, SHORTEST, LONGEST))
    t = np.arange(round(total * FPS)) / FPS
    phase = start + np.interp(t, marks, np.arange(rounds + 1.0))
    share = np.ones_like(t)
    if over:
        share = curves.minimum_jerk((t - lead) / over) * curves.minimum_jerk((marks[-1] + over - t) / over)
    return Timeline(phase, share, seconds)


def _begins_at_rest(action: Action) -> bool:
    return action.held or action.ends_elsewhere or all(part.stops[0] == REST for part in action.parts)


def _airborne(action: Action, phase: float) -> bool:
    return any(start <= phase <= end for start, end in action.air)


def pose(action: Action, person: Person, line: Timeline, random: np.random.Generator) -> Float[np.ndarray, "T A"]:
    """Angles over time: rest with idle sway, and every part of the class on top."""
    angles = person.rest + _sway(len(line.phase), random)
    for part in action.parts:
        curve = curves.flowing if part.flowing else curves.stop_and_go
        for member, delay in part.members:
            where = MEMBERS[member][1]
            values = np.stack(_resolve(part, person, person.rest[where], random))
            lag = 0.012 * random.normal() if part.limb == "arm" else 0.0
            phase = line.phase - delay - lag
            phase = np.clip(phase, 0, 1) if action.ends_elsewhere else phase % 1.0
            change = curve(phase, np.array(part.times), values) - person.rest[where]
            angles[:, where] += line.share[:, None] * change
    for member in ("left arm", "right arm", "left leg", "right leg"):
        bend = MEMBERS[member][1].start + 3
        angles[:, bend] = np.clip(angles[:, bend], STRAIGHTEST, MOST_BENT)
    return angles


def _resolve(
    part: Part, person: Person, rest: Float[np.ndarray, "L"], random: np.random.Generator
) -> list[Float[np.ndarray, "L"]]:
    """Angles of each stop as this person takes it; equal names give equal angles, so that what stays stays."""
    known = {REST: rest}
    for name in part.stops:
        if name not in known:
            posture = postures()[part.limb][name]
            known[name] = (
                _reach(posture, person, random) if posture.reach else _bend(part, posture, rest, person, random)
            )
    return [known[name] for name in part.stops]


def _reach(posture: Posture, person: Person, random: np.random.Generator) -> Float[np.ndarray, "4"]:
    """Angles of an arm whose hand goes to a place, which it misses by a centimetre or so."""
    target = np.array(posture.reach) * person.body.stature + random.normal(0, 0.012, 3)
    elbow = np.array(posture.elbow) + random.normal(0, 0.1, 3)
    return np.array(arm_to(target, elbow, person.body))


def _bend(
    part: Part, posture: Posture, rest: Float[np.ndarray, "L"], person: Person, random: np.random.Generator
) -> Float[np.ndarray, "L"]:
    """Angles of a limb in a posture given by angles: more or less of the way from rest, and never quite the same."""
    size, noise = (1.0, 0.0) if part.winds else (person.amplitude, UNCERTAINTY[part.limb])
    size = 1.0 if part.limb == "body" else size  # half a turn is half a turn
    usual = postures()[part.limb][REST].angles
    values = rest.copy()
    for i, name in enumerate(LIMBS[part.limb]):
        if name in posture.angles:
            start = usual.get(name, 0.0)
            values[i] = start + size * (posture.angles[name] - start) + noise * random.normal()
    if part.limb in LIMITS and not part.winds:
        values[:2] = np.clip(values[:2], *LIMITS[part.limb])
    return values


def _sway(frames: int, random: np.random.Generator) -> Float[np.ndarray, "T A"]:
    """Slow small movement of limbs that have nothing to do: two sine waves an angle."""
    t = np.arange(frames)[:, None, None] / FPS
    speed = 2 * np.pi * random.uniform(0.15, 0.6, (2, ANGLES))
    waves = np.sin(speed * t + random.uniform(0, 2 * np.pi, (2, ANGLES)))
    return 0.25 * looseness() * waves.sum(axis=1)


def lain_down(angles: Float[np.ndarray, "T A"], body: Body) -> Float[np.ndarray, "T A"]:
    """The same postures, tilted so that hands and feet are equally low.

    Tilting by p turns height y and forward z into y cos p - z sin p; hands and feet are level at the p whose tangent is
    their difference in y over their difference in z.
    """
    x = joint_positions(angles, body)
    hands = 0.5 * (x[:, JOINT["left_hand"]] + x[:, JOINT["right_hand"]])
    feet = 0.5 * (x[:, JOINT["left_foot"]] + x[:, JOINT["right_foot"]])
    out = angles.copy()
    out[:, MEMBERS["body"][1].start] += np.degrees(np.arctan2(hands[:, 1] - feet[:, 1], hands[:, 2] - feet[:, 2]))
    return out


def mirrored(angles: Float[np.ndarray, "T A"]) -> Float[np.ndarray, "T A"]:
    """The same movement with left and right exchanged."""
    out = angles.copy()
    for limb in ("arm", "leg"):
        left, right = MEMBERS[f"left {limb}"][1], MEMBERS[f"right {limb}"][1]
        out[:, left], out[:, right] = angles[:, right], angles[:, left]
    for member in ("trunk", "head", "body"):
        where = MEMBERS[member][1]
        out[:, where.start + 1 : where.stop] *= -1
    return out
