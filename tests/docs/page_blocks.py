"""The fenced blocks of a page: what they are written in, and whether the page says why they cannot run here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
SHELL, PYTHON = ("bash", "sh", "shell", "console"), ("python", "py")
PROGRAMS = ("skelzero", "make", "pip", "python", "curl", "git")
"""An untagged block whose first line begins with one of these is a shell block."""

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")
REASON = re.compile(r"^<!-- not run: (?P<reason>.+) -->$")
TITLE = re.compile(r'title="(?P<title>[^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    page : str
        Path from the repository's root.
    line : int
        Of its first line of text.
    language : str
        Of `SHELL`, of `PYTHON`, anything else as tagged, or empty.
    title : str
        A file name: the block is that file, and is written instead of run.
    text : str
    reason : str
        Why it is not run; empty for most.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    reason: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def shell(self) -> bool:
        first = self.text.split(maxsplit=1)[:1]
        return self.language in SHELL or (not self.language and first != [] and first[0] in PROGRAMS)

    @property
    def python(self) -> bool:
        return self.language in PYTHON


def blocks_of(path: Path) -> list[Block]:
    """All fenced blocks of a page, in order; a fence that is never closed is an error of the page."""
    name, blocks = path.relative_to(ROOT).as_posix(), []
    lines = path.read_text(encoding="utf-8").splitlines()
    before, i = "", 0
    while i < len(lines):
        opened = FENCE.match(lines[i])
        if opened is None:
            before = lines[i].strip() or before
            i += 1
            continue
        indent = opened["indent"]
        closing = next(n for n in range(i + 1, len(lines)) if lines[n] == f"{indent}```")
        text = "\n".join(line.removeprefix(indent) for line in lines[i + 1 : closing]) + "\n"
        info, reason = opened["info"].strip(), REASON.match(before)
        language, title = (info.split() or [""])[0], TITLE.search(info)
        blocks.append(Block(name, i + 2, language, title["title"] if title else "", text,
                            reason["reason"] if reason else ""))  # fmt: skip
        before, i = "", closing + 1
    return blocks
