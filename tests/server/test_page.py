"""The page in a real browser: what a person does, with mouse or keys, on a desk and on a phone."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import NAME, Running, recording

sync_api = pytest.importorskip("playwright.sync_api", reason="the browser driver is not installed")
BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
pytestmark = pytest.mark.skipif(not BROWSER, reason="no chromium on this machine")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SECONDS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, server: Running) -> Iterator[Any]:
    """The page, opened; whatever it complains about or asks of other hosts fails the test."""
    yield from opened(browser, server, width=1280, height=800)


@pytest.fixture
def phone(browser: Any, server: Running) -> Iterator[Any]:
    yield from opened(browser, server, width=360, height=740, touch=True)


def opened(browser: Any, server: Running, width: int, height: int, touch: bool = False) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: wrong.append(request.url) if foreign(request.url, server) else None)
    page.goto(server.url)
    page.get_by_role("button", name="party").wait_for()
    yield page
    context.close()
    # A refused upload is an answer that the browser writes into its console; the page tells it in words.
    assert not [text for text in wrong if "status of 4" not in text]


def foreign(url: str, server: Running) -> bool:
    return not url.startswith((server.url, f"blob:{server.url}"))


def upload(page: Any, data: bytes | None = None, name: str = NAME) -> None:
    file = {"name": name, "mimeType": "application/json", "buffer": recording() if data is None else data}
    page.locator("#file").set_input_files(file)


def drawn(page: Any) -> str:
    return page.evaluate("document.getElementById('view').toDataURL()")


def until(page: Any, condition: str) -> None:
    """Wait for a condition; the browser driver's own way evaluates text in the page, which the page forbids."""
    end = time.monotonic() + SECONDS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def downloaded(page: Any, button: str, folder: Path) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_text()


def test_upload_words_play_and_keep(page: Any, tmp_path: Path) -> None:
    upload(page)
    page.get_by_label("2. Words to choose from").fill("squat quickly\nwave right hand, clap hands quickly")
    assert page.locator("#count").inner_text() == "3 words."
    page.get_by_role("button", name="Recognise").click()
    page.locator("#found").wait_for()
    assert page.locator("#status").inner_text().startswith("Done: 0.0 to ")
    ranked = page.locator("#ranking li").all_inner_texts()
    assert len(ranked) == 3 and all("%" in line for line in ranked)
    assert page.locator("#reason li").count() > 0, "the reason in words"

    before = drawn(page)
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    until(page, "Number(document.getElementById('scrub').value) > 0.5")
    page.get_by_role("button", name="Pause").click()
    assert drawn(page) != before, "the body moves"

    answer = json.loads(downloaded(page, "Download JSON", tmp_path))
    assert answer["file"] == NAME and "skeleton" not in answer["clips"][0]
    segment = answer["clips"][0]["segments"][0]
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "Download CSV", tmp_path))))
    assert [row["label"] for row in rows[:3]] == [one["label"] for one in segment["labels"]]
    assert float(rows[0]["probability"]) == segment["labels"][0]["probability"] and rows[0]["rank"] == "1"

    page.get_by_label("2. Words to choose from").fill("bow\njump up")
    page.get_by_role("button", name="Recognise").click()
    until(page, "document.querySelectorAll('#ranking li .share').length === 2")


def test_reasons_colour_the_joints(page: Any) -> None:
    page.get_by_role("button", name="party").click()
    page.locator("#found").wait_for()
    assert "more reason" in page.locator("#legend").inner_text()
    before = drawn(page)
    page.get_by_label("Colour joints by the reason").uncheck()
    assert "left" in page.locator("#legend").inner_text() and drawn(page) != before
    assert "synthetic motion" in page.locator("#facts").inner_text()


def test_the_timeline_leads_to_its_segment(page: Any) -> None:
    page.get_by_role("button", name="exercises").click()
    page.locator("#found").wait_for()
    segments = page.locator("#timeline button")
    assert segments.count() >= 2
    last = segments.last
    start = last.get_attribute("aria-label").split(" to ")[0]
    last.click()
    assert last.get_attribute("aria-current") == "true"
    assert page.locator("#ranking-title").inner_text().startswith(f"Labels, {start}")
    assert page.locator("#time").inner_text().startswith(start)


def test_mistakes_are_told_in_words(page: Any) -> None:
    alert = page.get_by_role("alert")
    page.get_by_role("button", name="Recognise").click()
    assert "Which recording?" in alert.inner_text()
    upload(page, b"not a recording", "notes.bvh")
    page.get_by_role("button", name="Recognise").click()
    page.get_by_text("no reader knows this file").wait_for()
    assert "notes.bvh" in alert.inner_text()
    upload(page)
    page.get_by_label("2. Words to choose from").fill(" ")
    page.get_by_role("button", name="Recognise").click()
    assert "Which words?" in alert.inner_text()


def test_words_cannot_smuggle_markup_into_the_page(page: Any) -> None:
    upload(page, name="<img src=x onerror=alert(1)>.json")
    page.get_by_label("2. Words to choose from").fill("<b>walk</b>\n<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Recognise").click()
    page.locator("#found").wait_for()
    assert page.locator("#answer img, #answer b").count() == 0
    assert "<b>walk</b>" in page.locator("#ranking").inner_text()


def test_with_keys_alone(page: Any) -> None:
    """From the address bar: tab to an example, wait, tab to the drawing, turn and play it."""
    keys = page.keyboard

    def focused() -> str:
        return page.evaluate("document.activeElement.id || document.activeElement.textContent")

    def tab_to(name: str) -> None:
        for _ in range(40):
            keys.press("Tab")
            if focused() == name:
                return
        raise AssertionError(f"{name} is not reached")

    tab_to("file")
    tab_to("party")
    keys.press("Enter")
    page.locator("#found").wait_for()
    tab_to("view")
    before = drawn(page)
    keys.press("ArrowLeft")
    turned = drawn(page)
    assert turned != before
    keys.press("0")
    assert drawn(page) == before
    keys.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    keys.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    tab_to("scrub")
    at = float(page.locator("#scrub").input_value())
    keys.press("PageUp")
    assert float(page.locator("#scrub").input_value()) > at
    tab_to("csv")


def test_on_a_phone(phone: Any) -> None:
    phone.get_by_role("button", name="boxing").tap()
    phone.locator("#found").wait_for()
    wide = phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, "nothing to scroll sideways"
    small = phone.evaluate("""[...document.querySelectorAll('button, select, #scrub')].filter((e) =>
        e.offsetParent && !e.closest('.lane') && e.getBoundingClientRect().height < 24).map((e) => e.id)""")
    assert not small, "fingers need 24 pixels"
    assert phone.locator("#view").bounding_box()["width"] > 280


def test_every_control_has_a_name(page: Any) -> None:
    page.get_by_role("button", name="party").click()
    page.locator("#found").wait_for()
    nameless = page.evaluate("""[...document.querySelectorAll('button, input, select, textarea, canvas, a')]
        .filter((e) => e.offsetParent && !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')))
        .map((e) => e.outerHTML)""")
    assert not nameless


def test_several_recordings_can_be_chosen(page: Any) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a01_s03_e01_v01.json", recording())
        archive.writestr("a02_s03_e01_v01.json", recording("s09"))
    upload(page, file.getvalue(), "two.zip")
    page.get_by_role("button", name="Recognise").click()
    page.get_by_label("Recording", exact=True).select_option(label="a02_s03_e01_v01")
    assert page.locator("#title").inner_text() == "a02_s03_e01_v01"


def test_the_interface_is_described(page: Any, server: Running) -> None:
    page.goto(f"{server.url}/docs")
    page.get_by_text("/api/recognize").wait_for()
    assert page.get_by_text("words to choose from").count() == 1


def test_the_token_is_asked_for_once(browser: Any, strict: Running) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(strict.url)
    page.get_by_role("textbox", name="Token").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    until(page, "document.getElementById('token').value === ''")
    page.get_by_role("textbox", name="Token").fill("open sesame")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="party").wait_for()
    page.reload()
    page.get_by_role("button", name="party").wait_for()
    context.close()
