"""The site builds without a warning, its links and anchors hold, and nothing in it comes from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_blocks import ROOT

pytest.importorskip("mkdocs", reason="the site needs skelzero[docs]")
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "video": "src"}
"""Elements that make a browser fetch what an attribute names; links of some kinds do as well."""
FETCHED = {"stylesheet", "preload", "prefetch", "modulepreload", "icon", "manifest", "preconnect", "dns-prefetch"}
ELSEWHERE = re.compile(r"^(https?:)?//")


class Loads(HTMLParser):
    """What a page makes the browser fetch, and the formulas and classes in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.formulas, self.classes = 0, set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.formulas += tag == "math"
        self.classes |= set(given.get("class", "").split())
        if tag in LOADS and LOADS[tag] in given:
            self.found.append(given[LOADS[tag]])
        if tag == "link" and FETCHED & set(given.get("rel", "").split()):
            self.found.append(given.get("href", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `mkdocs build` makes it; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def loads(page: Path) -> Loads:
    parser = Loads()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_every_page_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in ROOT.glob("docs/**/*.md")}
    assert pages <= {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert not list(site.rglob("*.py")), "the hook is no part of the site"


def test_pages_load_nothing_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = loads(page)
        assert found.found, "the theme's own style and script at least"
        assert not [address for address in found.found if ELSEWHERE.match(address)], page.name
        # The theme fetches a drawing program from another host for these, and only for these.
        assert "mermaid" not in found.classes


def test_styles_load_nothing_from_another_host(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", text) and "@import" not in text, sheet.name


def test_formulas_are_drawn_while_the_site_is_built(site: Path) -> None:
    for source in (ROOT / "docs" / "methods").glob("*.md"):
        page = site / "methods" / f"{source.stem}.html"
        text = re.sub(r"```.*?```|`[^`]*`", "", source.read_text(encoding="utf-8"), flags=re.DOTALL)
        written = len(re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, flags=re.DOTALL))
        assert loads(page).formulas == written, source.name
        assert "arithmatex" not in page.read_text(encoding="utf-8")
