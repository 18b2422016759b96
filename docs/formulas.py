"""Formulas become MathML while the site is built, so that no script has to draw them in the browser."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\(?P<open>[(\[])(?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(content: str, **_: Any) -> str:
    """Called by mkdocs with the body of each page."""
    return FORMULA.sub(_drawn, content)


def _drawn(found: re.Match[str]) -> str:
    block = found["open"] == "["
    drawn = convert(html.unescape(found["tex"]).strip(), display="block" if block else "inline")
    return f'<div class="formula">{drawn}</div>' if block else drawn
