"""Videos: what is said where something is missing, and what a pose model makes of a blank one."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from examples import EXAMPLES
from skelzero.errors import UserError
from skelzero.readers import READERS, Skipped, clips_of, detect, from_bytes, iter_sources, read_clip
from skelzero.readers.video import MODEL, PACKAGES

FILM = EXAMPLES["video"]().source
INSTALLED = all(importlib.util.find_spec(name) for name in PACKAGES)
HEADS = {
    "mp4": b"\0\0\0\x20ftypisom",
    "mov": b"\0\0\0\x14ftypqt  ",
    "MOV": b"\0\0\0\x08wide\0\0\x10\0mdat",
    "avi": b"RIFF\x24\0\0\0AVI LIST",
    "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
    "mkv": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska",
}


@pytest.mark.parametrize("kind", HEADS)
def test_videos_are_known_by_their_beginning(kind: str) -> None:
    assert detect(from_bytes("unknown", HEADS[kind])).name == "video"
    assert READERS["video"].fits_name(f"A.{kind.upper()}")


def test_other_files_are_none() -> None:
    for data in (b"RIFF\x24\0\0\0WAVEfmt ", b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01", b"hello"):
        assert READERS["video"].sniff(data, "x.mp4") == 0
    with pytest.raises(UserError, match=r"(?s)not a video.*x\.mp4"):
        list(READERS["video"].clips(from_bytes("x.mp4", b"hello")))


@pytest.mark.parametrize("module", PACKAGES)
def test_a_missing_package_says_what_to_install(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> object:
        return None if name == module else object()

    monkeypatch.setattr(importlib.util, "find_spec", without)
    message = rf"(?s)reading videos needs the package '{module}'.*film\.mp4.*pip install 'skelzero\[video\]'.*{MODEL}"
    with pytest.raises(UserError, match=message):
        list(READERS["video"].clips(FILM))


def test_a_missing_model_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.delenv(MODEL, raising=False)
    with pytest.raises(UserError, match=rf"(?s)none is named.*film\.mp4.*export {MODEL}=/path/to"):
        list(READERS["video"].clips(FILM))
    monkeypatch.setenv(MODEL, str(tmp_path / "none.task"))
    with pytest.raises(UserError, match=r"(?s)not there.*none\.task.*correct the path"):
        list(READERS["video"].clips(FILM))


def test_a_video_in_a_broken_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model.task"
    model.write_bytes(b"a model")
    monkeypatch.setenv(MODEL, str(model))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("film.mp4", FILM.data * 500)
    data = bytearray(path.read_bytes())
    data[9000] ^= 1
    path.write_bytes(data)
    (source,) = iter_sources(path)
    with pytest.raises(UserError, match=r"(?s)archive cannot be read.*films\.zip: film\.mp4.*CRC"):
        list(READERS["video"].clips(source))


def test_one_video_among_others_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODEL, raising=False)
    (item,) = clips_of(FILM)
    assert isinstance(item, Skipped) and MODEL in item.reason


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """Half a second of black, made by OpenCV."""
    if not INSTALLED:
        pytest.skip("mediapipe and OpenCV are not installed: pip install 'skelzero[video]'")
    import cv2

    path = tmp_path / "blank.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (320, 240))
    for _ in range(12):
        film.write(np.zeros((240, 320, 3), np.uint8))
    film.release()
    return path


def test_what_is_no_model_is_told(blank: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = tmp_path / "model.task"
    model.write_bytes(b"nothing that is a model")
    monkeypatch.setenv(MODEL, str(model))
    with pytest.raises(UserError, match=r"(?s)pose model cannot be used.*blank\.avi.*model\.task.*name another file"):
        read_clip(blank)


def test_nobody_is_seen_in_a_blank_video(blank: Path) -> None:
    if not Path(os.environ.get(MODEL, "")).is_file():
        pytest.skip(f"no pose model: set {MODEL}")
    with pytest.raises(UserError, match=r"(?s)nobody is seen in this video.*blank\.avi.*12 frames"):
        read_clip(blank)
    packed = from_bytes("blank.avi", blank.read_bytes())
    with pytest.raises(UserError, match="nobody is seen"):
        list(READERS["video"].clips(packed))
    with pytest.raises(UserError, match="no picture that can be decoded"):
        list(READERS["video"].clips(from_bytes("blank.avi", blank.read_bytes()[:2000])))
