"""Which joint of a BVH file is which part of the body, told by name and by place in the hierarchy.

Names differ by program: `LeftArm` (MotionBuilder, Mixamo with the prefix `mixamorig:`), `lShldr` (Poser, DAZ),
`L_Shoulder` (SMPL), `LeftShoulder` (Biovision, where it is the arm; MotionBuilder, where it is the collar bone),
`Bip01 L UpperArm` (3ds Max Biped), `lhumerus` (CMU), `upper_arm.L` (Blender). A name is split into words, the side is
taken out, what all names begin with is dropped, and the rest is looked up; of several names for one part the most
telling one wins.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skelzero.readers.bvh_text import Joint

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
SIDES = {"l": "left", "left": "left", "lft": "left", "r": "right", "right": "right", "rgt": "right"}

LIMBS: dict[str, tuple[str, ...]] = {
    "shoulder": ("arm", "upperarm", "uparm", "upparm", "shldr", "humerus", "shoulder"),
    "elbow": ("forearm", "elbow", "lowerarm", "lowarm", "loarm", "radius"),
    "wrist": ("wrist", "hand"),
    "hip": ("upleg", "upperleg", "uleg", "thigh", "femur", "hip"),
    "knee": ("knee", "leg", "shin", "lowerleg", "lowleg", "loleg", "calf", "tibia"),
    "ankle": ("ankle", "foot"),
}
"""Names of the joint at the upper end of each part, the most telling first."""
HANDS = ("hand", "handmiddle1", "handmiddle", "mid1", "middle1", "middle", "fingermiddle1", "finger2", "fingers")
FEET = ("foot", "toebase", "toes", "toe", "toe0", "ball")
NECKS = ("neck", "lowerneck", "neck1", "neck0", "necklower")
HEADS = ("head",)
HEAD_ENDS = ("end", "eye", "top", "nub")
"""What the names of the joints at the far side of the head hold."""
GLUED = {name for names in LIMBS.values() for name in names} | {
    *HANDS,
    *FEET,
    "thumb",
    "clavicle",
    "collar",
    "hipjoint",
}
"""Words that may follow a side letter without a break (`lfemur`)."""


@dataclass(frozen=True)
class BodyParts:
    """What the names say.

    Attributes
    ----------
    common : mapping of str to tuple of int
        For joints of the common body, the joints of the file whose mean stands for them.
    mirror : tuple of (int, int)
        (left, right) pairs.
    """

    common: Mapping[str, tuple[int, ...]]
    mirror: tuple[tuple[int, int], ...]


def side_and_part(name: str) -> tuple[str, str]:
    """The side and the rest of a joint's name.

    >>> side_and_part("mixamorig:LeftForeArm"), side_and_part("lShldr"), side_and_part("rtoes"), side_and_part("Spine1")
    (('left', 'forearm'), ('left', 'shldr'), ('right', 'toes'), ('', 'spine1'))
    """
    return _split(_words(name))


def find_parts(joints: Sequence[Joint]) -> BodyParts:
    """Match the joints of a file with the common body; what cannot be told is left out."""
    words = [_words(joint.name) for joint in joints]
    shared = _shared_beginning(words[1:]) if len(words) > 3 else []
    keys = [_split(w[len(shared) :] if w[: len(shared)] == shared and len(w) > len(shared) else w) for w in words]
    finder = _Finder(joints, keys)
    pairs = [(i, finder.first[("right", part)]) for i, (side, part) in enumerate(keys)
             if side == "left" and finder.first[(side, part)] == i and ("right", part) in finder.first]  # fmt: skip
    return BodyParts(finder.common(), tuple(pairs))


def _shared_beginning(words: list[list[str]]) -> list[str]:
    least, most = min(words), max(words)  # in the order of the alphabet everything else lies between
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False)))
    return least[:same]


def _words(name: str) -> list[str]:
    return [word.lower() for word in WORDS.findall(name.rpartition(":")[2])]


def _split(words: list[str]) -> tuple[str, str]:
    side, rest = "", []
    for word in words:
        if not side and word in SIDES:
            side = SIDES[word]
        else:
            rest.append(str(int(word)) if word.isdigit() else word)
    if not side and rest:
        side, rest[0] = _unglue(rest[0])
    return side, "".join(rest)


def _unglue(word: str) -> tuple[str, str]:
    for start in ("left", "right"):
        if word.startswith(start):
            return start, word.removeprefix(start)
    if word[0] in "lr" and word[1:] in GLUED:
        return SIDES[word[0]], word[1:]
    return "", word


class _Finder:
    def __init__(self, joints: Sequence[Joint], keys: list[tuple[str, str]]) -> None:
        self.joints, self.keys = joints, keys
        self.first: dict[tuple[str, str], int] = {}
        self.children: list[list[int]] = [[] for _ in joints]
        for i, (joint, key) in enumerate(zip(joints, keys, strict=True)):
            self.first.setdefault(key, i)
            if joint.parent >= 0:
                self.children[joint.parent].append(i)

    def common(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for side in ("left", "right"):
            limbs = {part: self.pick(side, names) for part, names in LIMBS.items()}
            found |= {f"{side}_{part}": (i,) for part, i in limbs.items() if i is not None}
            found |= self.tip(f"{side}_hand", side, HANDS, limbs["wrist"])
            found |= self.tip(f"{side}_foot", side, FEET, limbs["ankle"])
        return found | self.trunk(found)

    def pick(self, side: str, names: Sequence[str]) -> int | None:
        return next((self.first[(side, name)] for name in names if (side, name) in self.first), None)

    def tip(self, part: str, side: str, names: Sequence[str], limb: int | None) -> dict[str, tuple[int, ...]]:
        """Hand or foot: a joint of that name below the wrist or ankle, else the mean of all below it but the thumb."""
        if limb is None:
            return {}
        named = self.pick(side, [name for name in names if self.first.get((side, name), limb) != limb])
        if named is not None:
            return {part: (named,)}
        below = tuple(i for i in self.children[limb] if "thumb" not in self.keys[i][1])
        return {part: below} if below else {}

    def trunk(self, limbs: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        hips, shoulders = (limbs.get(f"left_{p}", ()) + limbs.get(f"right_{p}", ()) for p in ("hip", "shoulder"))
        if len(hips) == 2:
            found["hip_center"] = (self.meeting(*hips),)
        neck, head = self.pick("", NECKS), self.pick("", HEADS)
        if neck is not None or len(shoulders) == 2:
            found["shoulder_center"] = (neck,) if neck is not None else shoulders
        if head is not None:
            ends = [i for i in self.children[head] if any(word in self.keys[i][1] for word in HEAD_ENDS)]
            found["head"] = (head, *ends)
        if len(hips) == len(shoulders) == 2:
            top = neck if neck is not None else self.meeting(*shoulders)
            found |= self.middle_of_back(found["hip_center"][0], top)
        return found

    def middle_of_back(self, bottom: int, top: int) -> dict[str, tuple[int, ...]]:
        """The joint between hips and neck that lies nearest to half way, measured along the bones."""
        chain = self.way_up(top)
        if bottom not in chain:
            return {}
        chain = chain[: chain.index(bottom)]  # from the top down, without the hips
        lengths = [sum(x * x for x in self.joints[i].offset or ()) ** 0.5 for i in chain]
        heights = [sum(lengths[k:]) for k in range(len(chain))]  # above the hips
        inner = [(abs(height - heights[0] / 2), i) for height, i in zip(heights[1:], chain[1:], strict=True)]
        return {"spine": (min(inner)[1],)} if inner else {}

    def meeting(self, a: int, b: int) -> int:
        """The lowest joint above both."""
        above = set(self.way_up(a))
        return next(i for i in self.way_up(b) if i in above)

    def way_up(self, i: int) -> list[int]:
        way = [i]
        while self.joints[way[-1]].parent >= 0:
            way.append(self.joints[way[-1]].parent)
        return way
