"""One small valid file for every registered reader; the contract suite and the fuzzing run over all of them.

A new reader must add its builder here: `test_contract.py` fails for one without.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.io

from skelzero.readers import MemorySource, from_bytes


@dataclass(frozen=True)
class Example:
    """A valid file and what must come out of it."""

    source: MemorySource
    layout: str
    dataset: str
    codes: tuple[str, ...]  # one for each clip
    frames: int  # of the first clip
    history: tuple[str, ...] = ()  # of formats that hold prepared clips, or no unit of length


def walk(frames: int, joints: int, seed: int = 0) -> np.ndarray:
    """A body that drifts: (T, V, 3), about two metres from the camera."""
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.5, size=(1, joints, 3)) + np.array([0, 0, 2.5])
    return start + rng.normal(scale=0.02, size=(frames, joints, 3)).cumsum(axis=0)


def skeleton_text(bodies: Sequence[dict[int, np.ndarray]], *, end: str = "\r\n", states: int = 2) -> bytes:
    """NTU text; per frame a mapping from tracking id to joints (V, 3)."""
    lines = [f"{len(bodies)}"]
    for frame in bodies:
        lines.append(f"{len(frame)}")
        for tracking_id, joints in frame.items():
            lines += [f"{tracking_id} 0 1 1 1 1 0 0.0213 -0.1123 2", f"{len(joints)}"]
            for row in joints:
                lines.append(" ".join(f"{value:.7g}" for value in (*row, *np.linspace(0.1, 500, 8))) + f" {states}")
    return (end.join(lines) + end).encode()


def ntu() -> Example:
    body = walk(6, 25)
    data = skeleton_text([{72057594037930000: joints} for joints in body])
    return Example(from_bytes("S001C002P003R001A061.skeleton", data), "ntu25", "ntu120", ("A061",), 6)


def mat_file(name: str, values: np.ndarray, *, packed: bool = True) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, {name: values}, do_compression=packed)
    return file.getvalue()


def utd_mhad() -> Example:
    data = mat_file("d_skel", walk(6, 20).transpose(1, 2, 0))
    return Example(from_bytes("a12_s3_t2_skeleton.mat", data), "kinect20-utd", "utd_mhad", ("a12",), 6)


def nw_ucla() -> Example:
    value = {"file_name": "a05_s02_e01_v03", "skeletons": walk(6, 20).round(6).tolist(), "label": 4}
    source = from_bytes("a05_s02_e01_v03.json", json.dumps(value).encode())
    return Example(source, "kinect20-ucla", "nw_ucla", ("a05",), 6)


def table(values: np.ndarray, lead: str = "") -> bytes:
    return "".join(lead + " ".join(f"{value:.6f}" for value in row) + "\n" for row in values).encode()


def msr_action3d() -> Example:
    values = np.concatenate([walk(6, 20), np.ones((6, 20, 1))], axis=2).reshape(-1, 4)
    source = from_bytes("a07_s01_e02_skeleton3D.txt", table(values))
    return Example(source, "kinect20-msr", "msr_action3d", ("a07",), 6)


def pku_mmd() -> Example:
    values = np.zeros((9, 2, 25, 3))
    values[:, 0] = walk(9, 25)
    labels = from_bytes("label/0002-L.txt", b"12,0,4,2\n51,5,9,1\n")
    source = from_bytes("skeleton/0002-L.txt", table(values.reshape(9, -1), lead=" "), labels)
    return Example(source, "ntu25", "pku_mmd", ("12", "51"), 4)


BODY = """
hip - 0 95 0
  abdomen hip 0 12 0
    neck abdomen 0 40 0
      head neck 0 10 2
        head_end head 0 18 0
    lCollar abdomen 4 36 0
      lArm lCollar 14 0 0
        lForeArm lArm 28 0 0
          lHand lForeArm 26 0 0
            lHand_end lHand 16 0 0
    rCollar abdomen -4 36 0
      rArm rCollar -14 0 0
        rForeArm rArm -28 0 0
          rHand rForeArm -26 0 0
            rHand_end rHand -16 0 0
  lThigh hip 10 -5 0
    lShin lThigh 0 -43 0
      lFoot lShin 0 -41 0
        lFoot_end lFoot 0 -6 14
  rThigh hip -10 -5 0
    rShin rThigh 0 -43 0
      rFoot rShin 0 -41 0
        rFoot_end rFoot 0 -6 14
"""
"""Joints of a BVH body: name, parent, offset in centimetres; `_end` is an End Site."""
ORDERS = ("Zrotation Xrotation Yrotation", "Xrotation Yrotation Zrotation", "Yrotation Xrotation Zrotation")


def bvh_header(body: str = BODY, scale: float = 1.0) -> tuple[str, int]:
    """The hierarchy in BVH with rotation orders that change from joint to joint, and the number of channels."""
    lines, open_joints, columns = ["HIERARCHY"], [], 0
    for i, (name, parent, *offset) in enumerate(line.split() for line in body.strip().splitlines()):
        while open_joints and open_joints[-1] != parent:
            open_joints.pop()
            lines.append("}")
        open_joints.append(name)
        end = name.endswith("_end")
        lines += ["End Site" if end else f"{'JOINT' if i else 'ROOT'} {name}", "{"]
        lines.append("OFFSET " + " ".join(f"{float(value) * scale:.6f}" for value in offset))
        if not end:
            move = "" if i else "Xposition Yposition Zposition "
            count = 3 if i else 6
            columns += count
            lines.append(f"CHANNELS {count} {move}{ORDERS[i % len(ORDERS)]}")
    return "\n".join([*lines, *["}"] * len(open_joints)]), columns


def bvh_file(frames: int = 6, *, body: str = BODY, scale: float = 1.0, seed: int = 0) -> bytes:
    header, columns = bvh_header(body, scale)
    rng = np.random.default_rng(seed)
    motion = rng.normal(scale=10, size=(1, columns)) + rng.normal(size=(frames, columns)).cumsum(axis=0)
    motion[:, :3] = (motion[:, :3] + [0, 95, 0]) * scale
    head = f"{header}\nMOTION\nFrames: {frames}\nFrame Time: 0.0333333\n"
    return head.encode() + table(motion)


def bvh() -> Example:
    return Example(from_bytes("walk.bvh", bvh_file()), "bvh23-73f90cdb", "", ("",), 6, ("bvh-metres-x0.01",))


def npz(arrays: dict[str, np.ndarray], *, packed: bool = False) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def padded(clips: Sequence[np.ndarray], frames: int = 12) -> np.ndarray:
    """Clips (T, V, 3) of one body as CTR-GCN pads them: (N, frames, 150), the second body absent."""
    x = np.zeros((len(clips), frames, 150), np.float32)
    for row, clip in zip(x, clips, strict=True):
        row[: len(clip), :75] = (clip - clip[0, 1]).reshape(len(clip), 75)
    return x


def ctr_gcn() -> Example:
    one_hot = np.eye(4)
    arrays = {
        "x_train": padded([walk(6, 25), walk(9, 25, 1)]),
        "y_train": one_hot[[2, 0]],
        "x_test": padded([walk(5, 25, 2)]),
        "y_test": one_hot[[3]],
    }
    return Example(
        from_bytes("FOUR_CS.npz", npz(arrays)), "ntu25", "", ("2", "0", "3"), 6, ("ctr-gcn-bodies", "centre-first-root")
    )


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def smie() -> Example:
    x = padded([walk(6, 25), walk(9, 25, 1)]).reshape(2, 12, 2, 25, 3).transpose(0, 4, 1, 3, 2)  # (N, C, T, V, M)
    data = npy(np.ascontiguousarray(x))
    return Example(from_bytes("val_position.npy", data), "ntu25", "", ("", ""), 6, ("prepared-elsewhere",))


def annotation(name: str, label: int, frames: int, seed: int = 0) -> dict[str, object]:
    keypoint = (walk(frames, 17, seed)[None, ..., :2] * 100 + 500).astype(np.float16)
    score = np.full(keypoint.shape[:3], 0.75, np.float16)
    return {"frame_dir": name, "label": label, "img_shape": (1080, 1920), "original_shape": (1080, 1920),
            "total_frames": frames, "keypoint": keypoint, "keypoint_score": score}  # fmt: skip


def pyskl() -> Example:
    names = ["v_pour_g01_c01", "v_jump_g02_c03"]
    value = {"split": {"train": names[:1], "val": names[1:]},
             "annotations": [annotation(names[0], 3, 6), annotation(names[1], 7, 4, 1)]}  # fmt: skip
    return Example(from_bytes("gym.pkl", pickle.dumps(value, protocol=4)), "coco17", "", ("3", "7"), 6)


def in_image(frames: int, joints: int, seed: int = 0) -> np.ndarray:
    """A body in pixels with scores, as estimators write it: (T, 3 V)."""
    places = walk(frames, joints, seed)[..., :2] * 100 + 500
    return np.concatenate([places, np.full((frames, joints, 1), 0.75)], axis=2).round(3).reshape(frames, -1)


def openpose_frame(*bodies: np.ndarray) -> dict[str, object]:
    people = [{"person_id": [-1], "pose_keypoints_2d": body.tolist(), "face_keypoints_2d": []} for body in bodies]
    return {"version": 1.3, "people": people}


def openpose() -> Example:
    data = json.dumps([openpose_frame(body) for body in in_image(6, 25)]).encode()
    return Example(from_bytes("jump_keypoints.json", data), "openpose25", "", ("",), 6)


def coco() -> Example:
    value = [{"image_id": f"{i}.jpg", "category_id": 1, "keypoints": body.tolist(), "score": 2.5, "idx": 1}
             for i, body in enumerate(in_image(6, 17))]  # fmt: skip
    return Example(from_bytes("alphapose-results.json", json.dumps(value).encode()), "coco17", "", ("",), 6)


def landmarks(body: np.ndarray) -> list[dict[str, float]]:
    """MediaPipe's form of points (33, 3)."""
    return [dict(zip("xyz", row, strict=True)) | {"visibility": 0.9, "presence": 1.0} for row in body.round(6).tolist()]


def mediapipe() -> Example:
    body = walk(6, 33)
    body -= body[:, 23:25].mean(axis=1, keepdims=True)
    frames = [{"timestamp_ms": 40 * i, "pose_world_landmarks": [landmarks(x)]} for i, x in enumerate(body)]
    history = ("image-axes-to-y-up", "hips-origin", "lowest-point-on-floor")
    return Example(from_bytes("wave.json", json.dumps(frames).encode()), "mediapipe33", "", ("",), 6, history)


def mediapipe_csv() -> Example:
    names = ["frame", *(f"{letter}{i}" for i in range(33) for letter in "xyzv")]
    x = np.concatenate([0.5 + 0.1 * walk(6, 33), np.full((6, 33, 1), 0.9)], axis=2).reshape(6, -1).round(6)
    rows = [",".join(map(str, [i, *row])) for i, row in enumerate(x.tolist())]
    data = "\n".join([",".join(names), *rows, ""]).encode()
    return Example(from_bytes("arms.csv", data), "mediapipe33-image", "", ("",), 6, ("image-taken-as-16:9",))


def video() -> Example:
    """How a video begins; what a pose model makes of one shows in `test_video.py`."""
    data = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\0\0\0\x08mdat" * 3
    return Example(from_bytes("film.mp4", data), "mediapipe33", "", (), 0)


EXAMPLES: dict[str, Callable[[], Example]] = {
    "ntu": ntu,
    "utd-mhad": utd_mhad,
    "nw-ucla": nw_ucla,
    "msr-action3d": msr_action3d,
    "pku-mmd": pku_mmd,
    "bvh": bvh,
    "ctr-gcn": ctr_gcn,
    "smie": smie,
    "pyskl": pyskl,
    "openpose": openpose,
    "coco": coco,
    "mediapipe": mediapipe,
    "mediapipe-csv": mediapipe_csv,
    "video": video,
}
"""Builders by reader name."""
