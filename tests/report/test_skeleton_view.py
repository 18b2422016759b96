"""The page holds the clip's numbers, needs nothing else, and draws in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelzero.clips import Clip, Origin, load_layout
from skelzero.report.skeleton_view import MAX_FRAMES, skeleton_figure, write_skeleton_page

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")


def clip(layout: str = "ntu25", frames: int = 40, persons: int = 1) -> Clip:
    body = load_layout(layout)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(persons, 1, len(body), body.dims)) + 0.1 * rng.normal(
        size=(persons, frames, len(body), body.dims)
    )
    unit = "m" if body.dims == 3 else "px"
    x = x if body.dims == 3 else 200 + 100 * x
    return Clip(x.astype(np.float32), body, Origin("</script><b>&x", "ntu120", "A061", subject=8), 30.0, unit=unit)


@pytest.mark.parametrize(("layout", "persons"), [("ntu25", 1), ("ntu25", 2), ("coco17", 2), ("openpose25", 1)])
def test_each_frame_holds_every_bone_of_everybody(layout: str, persons: int) -> None:
    shown = clip(layout, persons=persons)
    figure = skeleton_figure(shown)
    assert len(figure["frames"]) == 40 and figure["frames"][7]["name"] == "7"
    traces = figure["frames"][7]["data"]
    assert len(traces) == len(figure["data"]) and all(
        set(a) >= set(b) for a, b in zip(figure["data"], traces, strict=True)
    )
    numbers = [v for trace in traces for v in trace["x"] if v is not None]
    bones = np.array(shown.layout.bones)
    expected = shown.positions[:, 7][:, bones][..., 0].ravel()
    np.testing.assert_allclose(np.sort(numbers), np.sort(expected), atol=0.06 if shown.unit == "px" else 6e-4)
    json.dumps(figure, allow_nan=False)


def test_depth_and_height_keep_their_hands() -> None:
    """Plotly's z is up: (x, y, z) goes to (x, -z, y), a turn and no mirror."""
    shown = clip(frames=1)
    trace = skeleton_figure(shown)["data"][0]
    child, parent = next(b for b in shown.layout.bones if b[0] in {left for left, _ in shown.layout.mirror})
    for joint, place in ((child, 0), (parent, 1)):
        got = [trace[axis][place] for axis in "xyz"]
        x, y, z = shown.positions[0, 0, joint].tolist()
        np.testing.assert_allclose(got, [x, -z, y], atol=6e-4)


def test_missing_joints_and_absent_people_are_left_out() -> None:
    shown = clip(persons=2)
    positions = shown.positions.copy()
    positions[1] = 0
    positions[0, 3] = np.nan
    figure = skeleton_figure(replace(shown, positions=positions))
    assert len(figure["data"]) == 3
    assert all(trace["x"] == [] for trace in figure["frames"][3]["data"])


def test_long_clips_stay_small(tmp_path: Path) -> None:
    figure = skeleton_figure(clip(frames=5000, persons=2))
    assert len(figure["frames"]) == MAX_FRAMES and figure["frames"][-1]["name"] == "4999"
    assert len(json.dumps(figure)) < 6e6
    buttons = figure["layout"]["updatemenus"][0]["buttons"]
    duration = buttons[0]["args"][1]["frame"]["duration"] * MAX_FRAMES
    assert duration == pytest.approx(1000 * 5000 / 30)  # plays as long as it took


def test_equal_scales() -> None:
    scene = skeleton_figure(clip())["layout"]["scene"]
    scales = [np.ptp(scene[f"{axis}axis"]["range"]) / scene["aspectratio"][axis] for axis in "xyz"]
    np.testing.assert_allclose(scales, scales[0])
    assert scene["aspectmode"] == "manual" and max(scene["aspectratio"].values()) == 1
    plane = skeleton_figure(clip("coco17"))["layout"]
    assert plane["yaxis"]["scaleanchor"] == "x" and plane["yaxis"]["range"][0] > plane["yaxis"]["range"][1]


def test_names_cannot_smuggle_code_into_the_page(tmp_path: Path) -> None:
    write_skeleton_page(clip(), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "</script><b>" not in page and "&lt;/script&gt;&lt;b&gt;&amp;x" in page
    assert "<script src" not in page and "<link" not in page


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no chromium on this machine")
@pytest.mark.parametrize("layout", ["ntu25", "coco17"])
def test_the_page_draws_and_plays_in_a_browser_without_network(tmp_path: Path, layout: str) -> None:
    shown = clip(layout)
    write_skeleton_page(shown, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    probe = """<script>
    addEventListener("error", event => document.body.setAttribute("data-error", event.message));
    const view = document.getElementById("view");
    const wait = setInterval(() => {
      if (!document.body.hasAttribute("data-drawn")) return;
      clearInterval(wait);
      Plotly.animate(view, ["7"], {mode: "immediate", frame: {duration: 0, redraw: true}, transition: {duration: 0}});
      setTimeout(() => document.body.setAttribute("data-first", view.data[0].x[0]), 2000);
    }, 20);
    </script></body>"""
    (tmp_path / "page.html").write_text(page.replace("</body>", probe))
    result = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
         f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
         "--virtual-time-budget=20000", "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    body = result.stdout[result.stdout.index("<body") :]
    assert 'data-drawn="yes"' in body[:200] and "data-error" not in body[:200]
    expected = skeleton_figure(shown)["frames"][7]["data"][0]["x"][0]
    assert f'data-first="{expected}"' in body[:200]
