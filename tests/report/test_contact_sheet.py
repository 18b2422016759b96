"""The sheet shows people upright and from the front, and appears whole or not at all."""

from __future__ import annotations

import builtins
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.report.contact_sheet import front_view, write_contact_sheet


def ntu(frames: int = 9, turn: float = 0.0, persons: int = 1) -> Clip:
    """A rough upright body that faces -z, its left at -x, turned about the vertical."""
    layout = load_layout("ntu25")
    x = np.zeros((persons, frames, 25, 3))
    for i, name in enumerate(layout.joints):
        height = {"head": 1.7, "shoulder": 1.4, "elbow": 1.1, "wrist": 0.9, "hip": 0.9, "knee": 0.5, "ankle": 0.1}
        side = -0.2 if name.startswith("left") else 0.2 if name.startswith("right") else 0.0
        x[:, :, i] = [side, next((h for part, h in height.items() if part in name), 1.2), 3.0]
    turned = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    return Clip((x @ turned.T).astype(np.float32), layout, Origin("a$b_1", "ntu120", "A061"), fps=30.0)


@pytest.mark.parametrize("turn", [0.0, 1.0, 2.5, -1.5])
def test_the_viewer_sees_the_left_on_the_right(turn: float) -> None:
    clip = ntu(turn=turn)
    view = front_view(clip)[0, 0]
    joint = {name: i for i, name in enumerate(clip.layout.joints)}
    assert view[joint["left_shoulder"], 0] - view[joint["right_shoulder"], 0] == pytest.approx(0.4, abs=1e-5)
    np.testing.assert_allclose(view[:, 1], clip.positions[0, 0, :, 1])
    lengths = [np.linalg.norm(x[1:] - x[:-1], axis=-1) for x in (view, clip.positions[0, 0])]
    np.testing.assert_allclose(*lengths, atol=1e-5)


def test_images_are_turned_upright() -> None:
    layout = load_layout("coco17")
    pixels = np.arange(34, dtype=np.float32).reshape(1, 1, 17, 2)
    view = front_view(Clip(pixels, layout, Origin("x"), unit="px"))
    np.testing.assert_array_equal(view[0, 0, :, 0], pixels[0, 0, :, 0])
    np.testing.assert_array_equal(view[0, 0, :, 1], -pixels[0, 0, :, 1])


@pytest.mark.parametrize(("frames", "persons", "rows"), [(1, 1, 1), (7, 2, 2), (90, 1, 3)])
def test_the_sheet_is_a_picture_of_all_frames(tmp_path: Path, frames: int, persons: int, rows: int) -> None:
    from matplotlib.image import imread

    write_contact_sheet(ntu(frames, persons=persons), tmp_path / "deep" / "sheet.png")
    picture = imread(tmp_path / "deep" / "sheet.png")
    assert picture.shape[0] == pytest.approx(110 * (2.3 * rows + 1.0), abs=2)
    inked = (np.ptp(picture[..., :3], axis=-1) > 0.3).any(axis=1)  # lines of colour
    assert inked.mean() > 0.4
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["sheet.png"]


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"contact sheet needs(.|\n)*skelzero\[figures\]"):
        write_contact_sheet(ntu(), tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_picture_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    def full(self: Figure, path: str, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="No space"):
        write_contact_sheet(replace(ntu(), fps=float("nan")), tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []
