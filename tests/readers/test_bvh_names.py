"""Joints told by name, for the naming manners that are met with."""

from __future__ import annotations

import pytest

from skelzero.clips import COMMON_JOINTS
from skelzero.readers.bvh_names import find_parts, side_and_part
from skelzero.readers.bvh_text import Joint

# name, parent, offset; every table begins at the hips and has the left side only once: the right one mirrors it
MANNERS = {
    "motionbuilder": "Hips - 0;LHipJoint Hips 0;LeftUpLeg LHipJoint 8;LeftLeg LeftUpLeg 43;LeftFoot LeftLeg 41;"
    "LeftToeBase LeftFoot 15;LowerBack Hips 10;Spine LowerBack 12;Spine1 Spine 12;Neck Spine1 20;Neck1 Neck 5;"
    "Head Neck1 5;LeftShoulder Spine1 15;LeftArm LeftShoulder 12;LeftForeArm LeftArm 28;LeftHand LeftForeArm 25;"
    "LeftFingerBase LeftHand 5;LThumb LeftHand 5",
    "mixamo": "mixamorig:Hips - 0;mixamorig:Spine mixamorig:Hips 10;mixamorig:Spine1 mixamorig:Spine 12;"
    "mixamorig:Spine2 mixamorig:Spine1 13;mixamorig:Neck mixamorig:Spine2 15;mixamorig:Head mixamorig:Neck 9;"
    "mixamorig:HeadTop_End mixamorig:Head 18;mixamorig:LeftShoulder mixamorig:Spine2 11;"
    "mixamorig:LeftArm mixamorig:LeftShoulder 12;mixamorig:LeftForeArm mixamorig:LeftArm 27;"
    "mixamorig:LeftHand mixamorig:LeftForeArm 26;mixamorig:LeftHandThumb1 mixamorig:LeftHand 4;"
    "mixamorig:LeftHandMiddle1 mixamorig:LeftHand 9;mixamorig:LeftUpLeg mixamorig:Hips 9;"
    "mixamorig:LeftLeg mixamorig:LeftUpLeg 42;mixamorig:LeftFoot mixamorig:LeftLeg 42;"
    "mixamorig:LeftToeBase mixamorig:LeftFoot 16",
    "biovision": "Hips - 0;LeftHip Hips 8;LeftKnee LeftHip 42;LeftAnkle LeftKnee 40;LeftAnkle_end LeftAnkle 12;"
    "Chest Hips 25;LeftCollar Chest 15;LeftShoulder LeftCollar 12;LeftElbow LeftShoulder 28;LeftWrist LeftElbow 25;"
    "LeftWrist_end LeftWrist 10;Neck Chest 25;Head Neck 8;Head_end Head 18",
    "biped": "Bip01 - 0;Bip01 Pelvis Bip01 0;Bip01 Spine Bip01 Pelvis 10;Bip01 Spine1 Bip01 Spine 20;"
    "Bip01 Neck Bip01 Spine1 20;Bip01 Head Bip01 Neck 9;Bip01 L Clavicle Bip01 Neck 4;"
    "Bip01 L UpperArm Bip01 L Clavicle 14;Bip01 L Forearm Bip01 L UpperArm 28;Bip01 L Hand Bip01 L Forearm 26;"
    "Bip01 L Finger0 Bip01 L Hand 4;Bip01 L Finger2 Bip01 L Hand 9;Bip01 L Thigh Bip01 Pelvis 9;"
    "Bip01 L Calf Bip01 L Thigh 43;Bip01 L Foot Bip01 L Calf 42;Bip01 L Toe0 Bip01 L Foot 15",
    "cmu": "root - 0;lhipjoint root 0;lfemur lhipjoint 9;ltibia lfemur 43;lfoot ltibia 42;ltoes lfoot 15;"
    "lowerback root 10;upperback lowerback 12;thorax upperback 12;lowerneck thorax 12;upperneck lowerneck 4;"
    "head upperneck 4;lclavicle thorax 12;lhumerus lclavicle 15;lradius lhumerus 28;lwrist lradius 20;lhand lwrist 6;"
    "lthumb lwrist 4",
    "blender": "hips - 0;spine hips 10;chest spine 20;neck chest 20;head neck 9;head_end head 18;"
    "shoulder.L chest 10;upper_arm.L shoulder.L 12;forearm.L upper_arm.L 28;hand.L forearm.L 26;hand.L_end hand.L 12;"
    "thigh.L hips 10;shin.L thigh.L 43;foot.L shin.L 41;toe.L foot.L 15",
    "smpl": "Pelvis - 0;L_Hip Pelvis 9;L_Knee L_Hip 40;L_Ankle L_Knee 42;L_Foot L_Ankle 14;Spine1 Pelvis 12;"
    "Spine2 Spine1 13;Spine3 Spine2 6;Neck Spine3 21;Head Neck 9;L_Collar Spine3 12;L_Shoulder L_Collar 11;"
    "L_Elbow L_Shoulder 26;L_Wrist L_Elbow 25;L_Hand L_Wrist 8",
}
SWAPS = (("Left", "Right"), ("L_", "R_"), (".L", ".R"), (" L ", " R "), ("LHip", "RHip"), ("LThumb", "RThumb"))
EXPECTED = {  # the upper end of shoulder, elbow, wrist, hand, hip, knee, ankle, foot
    "motionbuilder": "LeftArm LeftForeArm LeftHand LeftFingerBase LeftUpLeg LeftLeg LeftFoot LeftToeBase",
    "mixamo": "mixamorig:LeftArm mixamorig:LeftForeArm mixamorig:LeftHand mixamorig:LeftHandMiddle1 "
    "mixamorig:LeftUpLeg mixamorig:LeftLeg mixamorig:LeftFoot mixamorig:LeftToeBase",
    "biovision": "LeftShoulder LeftElbow LeftWrist LeftWrist_end LeftHip LeftKnee LeftAnkle LeftAnkle_end",
    "biped": "Bip01 L UpperArm,Bip01 L Forearm,Bip01 L Hand,Bip01 L Finger2,Bip01 L Thigh,Bip01 L Calf,Bip01 L Foot,"
    "Bip01 L Toe0",
    "cmu": "lhumerus lradius lwrist lhand lfemur ltibia lfoot ltoes",
    "blender": "upper_arm.L forearm.L hand.L hand.L_end thigh.L shin.L foot.L toe.L",
    "smpl": "L_Shoulder L_Elbow L_Wrist L_Hand L_Hip L_Knee L_Ankle L_Foot",
}
SPINES = {"motionbuilder": "Spine", "mixamo": "mixamorig:Spine1", "biovision": "Chest", "biped": "Bip01 Spine1",
          "cmu": "upperback", "blender": "chest", "smpl": "Spine2"}  # fmt: skip
LIMBS = ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot")


def mirrored(name: str) -> str:
    for left, right in SWAPS:
        if left in name:
            return name.replace(left, right)
    return "r" + name[1:] if name[0] == "l" and name[1:] in GLUED else name


GLUED = {entry.split()[0][1:] for entry in MANNERS["cmu"].split(";")} - {"owerback", "owerneck"}


def joints_of(table: str) -> list[Joint]:
    rows = [entry.rsplit(" ", 1) for entry in table.split(";")]
    names = {row[0].rpartition(" ")[0] if row[0].endswith(" -") else None for row in rows}
    joints: dict[str, Joint] = {}
    for text, length in rows:
        if text.endswith(" -"):
            joints[text[:-2]] = Joint(text[:-2], -1, offset=(0.0, 0.0, 0.0))
            continue
        parent = max((name for name in joints if text.endswith(" " + name)), key=len)
        joints[text[: -len(parent) - 1]] = Joint(text[: -len(parent) - 1], list(joints).index(parent),
                                                 offset=(0.0, float(length), 0.0))  # fmt: skip
    assert len(names) == 2
    for name, joint in list(joints.items()):
        other = mirrored(name)
        if other != name:
            parent = list(joints).index(mirrored(list(joints)[joint.parent]))
            joints[other] = Joint(other, parent, offset=joint.offset)
    return list(joints.values())


@pytest.mark.parametrize("manner", MANNERS)
def test_parts_of_the_body(manner: str) -> None:
    joints = joints_of(MANNERS[manner])
    parts = find_parts(joints)
    names = {part: [joints[i].name for i in ids] for part, ids in parts.common.items()}
    assert set(names) == set(COMMON_JOINTS)
    expected = EXPECTED[manner].split("," if "," in EXPECTED[manner] else " ")
    for limb, left in zip(LIMBS, expected, strict=True):
        assert names[f"left_{limb}"] == [left], limb
        assert names[f"right_{limb}"] == [mirrored(left)], limb
    assert names["spine"] == [SPINES[manner]]
    assert names["hip_center"][0].lower().removeprefix("mixamorig:").removeprefix("bip01 ") in (
        "hips",
        "pelvis",
        "root",
    )
    assert "neck" in names["shoulder_center"][0].lower()
    assert "head" in names["head"][0].lower()
    sided = [joint.name for joint in joints if mirrored(joint.name) != joint.name]
    assert sorted(joints[left].name for left, _ in parts.mirror) == sorted(sided)
    assert all(mirrored(joints[left].name) == joints[right].name for left, right in parts.mirror)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LeftUpLeg", ("left", "upleg")),
        ("LThumb", ("left", "thumb")),
        ("LHipJoint", ("left", "hipjoint")),
        ("rShldr", ("right", "shldr")),
        ("lfoot", ("left", "foot")),
        ("lowerback", ("", "lowerback")),
        ("lowerleg_r", ("right", "lowerleg")),
        ("leg", ("", "leg")),
        ("ribs", ("", "ribs")),
        ("righthand", ("right", "hand")),
        ("Spine01", ("", "spine1")),
        ("", ("", "")),
        ("123", ("", "123")),
        ("脚", ("", "")),
    ],
)
def test_side_and_part(name: str, expected: tuple[str, str]) -> None:
    assert side_and_part(name) == expected


def test_names_that_say_nothing_give_nothing() -> None:
    joints = [Joint(f"bone{i}", i - 1, offset=(0.0, 1.0, 0.0)) for i in range(20)]
    parts = find_parts(joints)
    assert (parts.common, parts.mirror) == ({}, ())


def test_one_sided_and_headless_bodies() -> None:
    joints = [joint for joint in joints_of(MANNERS["smpl"]) if not joint.name.startswith("R_") and joint.name != "Head"]
    parts = find_parts(joints)
    assert "head" not in parts.common
    assert "hip_center" not in parts.common
    assert "left_knee" in parts.common
    assert parts.mirror == ()
