"""The shape of the house: import direction, file sizes, nothing that speaks of one machine."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "skelzero"
FLOW = (
    "errors", "registry", "cards", "caches", "journal", "grid", "clips", "synthetic", "readers", "preprocess",
    "encoders", "text", "kinematics", "methods", "protocol", "recognize", "report", "server", "demo", "cli",
)  # fmt: skip
APART = {("encoders", "text"), ("text", "clips"), ("text", "encoders"), ("text", "readers"), ("text", "synthetic")}
"""(importer, imported) pairs that stay apart although the flow would allow them."""

FILES = sorted(PACKAGE.rglob("*.py"))


def folder_of(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


def imported_folders(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("skelzero.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_folder_imports_only_from_earlier_ones(path: Path) -> None:
    own = folder_of(path)
    if own in ("__init__", "__main__"):
        return
    later = {name for name in imported_folders(path) if name != own and FLOW.index(name) > FLOW.index(own)}
    apart = {name for name in imported_folders(path) if (own, name) in APART}
    assert not later | apart


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 70, node.name


def test_every_folder_has_tests() -> None:
    folders = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert folders == {p.name for p in (ROOT / "tests").iterdir() if p.is_dir()} & folders
