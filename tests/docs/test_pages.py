"""Every command and every piece of Python in the documentation runs, in the order of its page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_blocks import PAGES, ROOT, Block, blocks_of
from page_commands import ELSEWHERE, PYTHON_ELSEWHERE, elsewhere, lines_of
from page_pantry import lay_out
from page_shell import page_shell

from skelzero.encoders import ENCODERS
from skelzero.methods import METHODS
from skelzero.readers import READERS
from skelzero.text import TEXT_ENCODERS

RUNNABLE = [page for page in PAGES if any(b.shell or b.python for b in blocks_of(page))]
AS_PROGRAMS = {"docs/quick-start.md"}
"""Pages on which `skelzero` runs as a program of its own; elsewhere in this process, which saves its start."""

REASONS = {
    "needs other machines; tests/grid/test_crews.py starts a scheduler and workers at several addresses": 1,
    "needs SLURM": 1,
    "needs NTU RGB+D or PKU-MMD; tests/cli/test_reproduce.py runs it on an excerpt": 1,
}
"""Why blocks are not run, and how many of them, as the pages say in comments before them."""


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What pages register and import is forgotten after them."""
    for registry in (READERS, ENCODERS, METHODS, TEXT_ENCODERS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", RUNNABLE, ids=_name)
def test_page(
    page: Path, pantry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_it_was: None
) -> None:  # fmt: skip
    lay_out(page, pantry, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scope: dict[str, object] = {"__name__": "__main__"}
    with page_shell(tmp_path, processes=_name(page) in AS_PROGRAMS) as shell:
        for block in blocks_of(page):
            if block.reason:
                continue
            if block.title:
                (tmp_path / block.title).write_text(block.text, encoding="utf-8")
            elif block.shell:
                shell.run(block.text)
            elif block.python and _name(page) not in PYTHON_ELSEWHERE:
                exec(compile(block.text, block.where, "exec"), scope)


def test_what_is_not_run_says_why() -> None:
    found: dict[str, int] = {}
    for block in (b for page in PAGES for b in blocks_of(page) if b.reason):
        found[block.reason] = found.get(block.reason, 0) + 1
    assert found == REASONS


def test_what_runs_elsewhere_does_so() -> None:
    lines = [line for page in PAGES for b in blocks_of(page) if b.shell and not b.reason for line in lines_of(b.text)]
    places = {elsewhere(line) for line in lines} - {""}
    assert places <= set(ELSEWHERE.values()) and all((ROOT / place).is_file() for place in places)
    for page, place in PYTHON_ELSEWHERE.items():
        assert page.rpartition("/")[2] in (ROOT / place).read_text(encoding="utf-8"), f"{place} does not read {page}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_command_hides_in_a_block_that_is_not_run(page: Path) -> None:
    def hides(block: Block) -> bool:
        first_words = [line.split()[0] for line in block.text.splitlines() if line.split()]
        return not (block.shell or block.python or block.title) and "skelzero" in first_words

    assert not [block.where for block in blocks_of(page) if hides(block)]
