"""The page shows every attribute, with pictures of the clips that are measured lowest and highest, and it is whole."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.kinematics import measure_clips
from skelzero.report.vocabulary import SEED, extremes, write_vocabulary
from skelzero.synthetic import CLASSES, generate
from skelzero.text.attributes.schema import load_schema

SCHEMA = load_schema()
LABELS = ("raise left arm overhead", "walk forward", "do push-ups", "nod head", "clap hands slowly")
CODES = [code for code, action in CLASSES.items() if action.label in LABELS]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "page.html"
    write_vocabulary(path, CODES)
    return path


def article(page: Path, name: str) -> str:
    return page.read_text(encoding="utf-8").split(f'<article id="{name}">')[1].split("</article>")[0]


def test_the_page_has_every_attribute_and_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(CODES) == len(LABELS)
    assert re.findall(r'<article id="([^"]+)"', text) != [] and text.count("<article") == len(SCHEMA)
    assert set(re.findall(r'<article id="([^"]+)"', text)) == set(SCHEMA.names)
    assert "http" not in text and "<script" not in text and "src=" not in text and "@import" not in text
    assert page.stat().st_size < 1_500_000
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r' id="([^"]+)"', text))
    assert "prefers-color-scheme:dark" in text and "@media print" in text and "LEFT" not in text


def test_an_attribute_says_all_about_itself(page: Path) -> None:
    text = article(page, "hand-top")
    for part in ("highest place of the leading hand", "torso lengths above the hip joints", "At rest: -0.2"):
        assert part in text
    assert "1.8 overhead" in text and 'aria-label="range -1 to 2.2"' in text
    assert "Known with arm-moves of at least 0.2." in article(page, "path-round")


@pytest.mark.parametrize("name", ["hand-top", "travels-forward", "hip-drop", "hands-meet"])
def test_pictures_are_of_the_lowest_and_the_highest(page: Path, name: str) -> None:
    clips = list(generate(CODES, subjects=1, replications=1, seed=SEED))
    values = measure_clips(clips)[:, SCHEMA.index[name]]
    said = re.findall(r"(lowest|highest): <b>(\S+)</b>[^“]*“([^”]+)”", article(page, name))
    assert [end for end, _, _ in said] == ["lowest", "highest"]
    for (_, value, label), end in zip(said, (np.nanmin(values), np.nanmax(values)), strict=True):
        assert float(value) == pytest.approx(end, abs=0.005)
        of_label = next(v for c, v in zip(clips, values, strict=True) if CLASSES[c.origin.code].label == label)
        assert of_label == pytest.approx(end, abs=0.005)


@pytest.mark.parametrize("name", ["another-person", "touches-other", "other-nears"])
def test_what_synthetic_motion_does_not_have_says_so(page: Path, name: str) -> None:
    text = article(page, name)
    assert "the synthetic motion does not have this" in text and "<use" not in text


def test_of_equal_clips_the_pair_differs_in_little_else() -> None:
    values = np.tile(SCHEMA.rest, (5, 1))
    jump, knee = SCHEMA.index["jump"], SCHEMA.index["knee-bend"]
    values[:, jump] = [0, 0.001, 1, 0.999, np.nan]
    values[:, knee] = [0.05, 0.5, 1, 0.5, 0]
    assert extremes(values, jump) == (1, 3)  # the highest nearest to rest, and the lowest nearest to that
    assert extremes(values, SCHEMA.index["turns"]) is None
    assert extremes(np.full_like(values, np.nan), jump) is None


def test_unknown_classes_are_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown synthetic class"):
        write_vocabulary(tmp_path / "page.html", ["s999"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_page_renders_in_a_browser_without_network(page: Path, tmp_path: Path) -> None:
    probe = """<script>
    const shown = [...document.querySelectorAll("figure svg")];
    const boxes = shown.map(picture => picture.querySelector("use").getBBox());
    const empty = boxes.filter(box => box.width < 10 || box.height < 10);
    document.body.setAttribute("data-shown", shown.length);
    document.body.setAttribute("data-empty", empty.length);
    document.body.setAttribute("data-wide", document.documentElement.scrollWidth > window.innerWidth);
    </script></body>"""
    copy = tmp_path / "page.html"
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", probe), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
             "--window-size=500,900"]  # fmt: skip
    command = ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", copy.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    opening = dom[dom.index("<body") :][:200]
    assert f'data-shown="{page.read_text(encoding="utf-8").count("<figure>")}"' in opening
    assert 'data-empty="0"' in opening and 'data-wide="false"' in opening
