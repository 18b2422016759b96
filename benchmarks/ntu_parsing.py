"""NTU `.skeleton` files per second of one process, against a reader that calls `float()` line by line.

The reference is what the public readers do: read a line, split it, turn all twelve words into floats. Both sides end
with the positions of every tracked body. Files: the real recordings when they are there (SKELZERO_DATA or
../shared/data beside the repository), otherwise files written here in the same form.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from pairs import arguments, compare, put
from skelzero.clips import Clip
from skelzero.readers import READERS, Source

JOINTS = 25
Bodies = dict[int, dict[int, list[list[float]]]]  # tracking id -> frame -> joint -> twelve numbers


def read_line_by_line(path: Path) -> tuple[int, Bodies]:
    """The reference: every word of every line through `float()`."""
    bodies: Bodies = {}
    with path.open(encoding="ascii") as file:
        frames = int(file.readline())
        for frame in range(frames):
            for _ in range(int(file.readline())):
                tracking_id = int(file.readline().split()[0])
                joints = [[float(word) for word in file.readline().split()] for _ in range(int(file.readline()))]
                bodies.setdefault(tracking_id, {})[frame] = joints
    return frames, bodies


def read_ours(path: Path) -> Clip:
    clip = next(iter(READERS["ntu"].clips(Source(name=path.name, path=path))))
    assert isinstance(clip, Clip)
    return clip


def check_equal(path: Path) -> None:
    """Both readers give the same float32 positions and tracking states, bit for bit."""
    frames, bodies = read_line_by_line(path)
    expected = np.full((len(bodies), frames, JOINTS, 12), np.nan)
    for person, body in enumerate(bodies.values()):
        for frame, joints in body.items():
            expected[person, frame] = joints
    positions: Float32[np.ndarray, "P T V C"] = expected[..., :3].astype(np.float32)
    positions[(positions == 0).all(-1)] = np.nan  # ours says missing where the sensor says (0, 0, 0)
    clip = read_ours(path)
    assert clip.confidence is not None
    np.testing.assert_array_equal(clip.positions, positions)
    np.testing.assert_array_equal(clip.confidence, np.nan_to_num(expected[..., 11]) / 2)


def recordings() -> Path | None:
    """The archive of real recordings, when it is there."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    archive = Path(os.environ.get("SKELZERO_DATA", default)) / "ntu_rgbd.tar.xz"
    return archive if archive.is_file() else None


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        members = [m for m in tar if m.isfile() and m.name.endswith(".skeleton") and "truncated" not in m.name]
        tar.extractall(folder, members=members, filter="data")


def write_examples(folder: Path, files: int = 60) -> None:
    """Random walks in the form of the data set: seven digits, CR LF, one or two bodies."""
    rng = np.random.default_rng(0)
    for i in range(files):
        frames, persons = int(rng.integers(60, 140)), 1 + i % 2
        lines = [str(frames)]
        for _ in range(frames):
            lines.append(str(persons))
            for person in range(persons):
                lines += [f"{72057594037930000 + person} 0 1 1 1 1 0 0.03 -0.11 2", str(JOINTS)]
                for row in rng.normal(size=(JOINTS, 11)):
                    lines.append(" ".join(f"{value:.7g}" for value in row) + " 2")
        path = folder / f"S001C001P001R001A{i + 1:03d}.skeleton"
        path.write_bytes("\r\n".join([*lines, ""]).encode())


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__ or "", argv)
    archive = recordings()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if archive is not None:
            unpack(archive, folder)
        else:
            write_examples(folder)
        files = sorted(folder.rglob("*.skeleton"))
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        for file in files:
            check_equal(file)
        times = compare(
            lambda: [read_line_by_line(f) for f in files], lambda: [read_ours(f) for f in files], options.pairs
        )
    figures: dict[str, object] = {
        "source": "recordings" if archive else "written by the benchmark",
        "files": len(files),
        "megabytes": megabytes,
        "outputs": "equal",
        **times,
        "reference_files_per_second": len(files) / times["reference_median"],
        "ours_files_per_second": len(files) / times["ours_median"],
        "ours_megabytes_per_second": megabytes / times["ours_median"],
    }
    put("NTU .skeleton parsing, one process", figures, options.json)


if __name__ == "__main__":
    main()
