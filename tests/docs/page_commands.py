"""Commands of the pages: which are run elsewhere, what makes them short, and how a line is taken apart."""

from __future__ import annotations

import re

ELSEWHERE = {
    r"make (install|test|lint)$": ".ci/run",
    r"make bench$": "benchmarks/run_all.py",
    r"make results$": "benchmarks/evaluation.sh",
    r"make demo$|skelzero demo\b": "tests/test_demo.py",
    r"skelzero export\b": "tests/recognize/test_export.py",
    r"pip install\b": ".ci/run",
    r".*--weights ntu120_ShiftGCN": "tests/encoders/test_trained.py",
    r"mkdocs (build|serve)\b": "tests/docs/test_site.py",
}
"""Lines that are not run with their page, and the file that runs the same or that continuous integration runs."""

PYTHON_ELSEWHERE = {"docs/export.md": "tests/recognize/test_export.py"}
"""Pages whose Python is run by a test of its own, which makes what the code needs in other ways."""

SHORT: dict[str, list[str]] = {
    "train": ["--steps", "2", "--overwrite"],
    "compare": ["--steps", "2", "--seeds", "1", "--draws", "1", "--workers", "1"],
    "encode": ["--steps", "2"],
    "synthetic": ["--classes", "s01,s02,s03,s05,s07,s11,s13,s17,s19,s23,s29,s31,s37,s41,s43"],
}
"""Options that are added to a command so that it takes seconds; what the page says stays in force otherwise."""

SETTINGS: dict[str, dict[str, float]] = {
    "scale": {"steps": 5, "reference": 8},
    "msf": {"steps": 10, "cycles": 2, "samples": 5, "classifier_steps": 5},
    "cada-vae": {"steps": 5, "samples": 5, "classifier_steps": 5},
    "synse": {"steps": 5, "samples": 5, "classifier_steps": 5},
    "pgfa": {"steps": 2}, "smie": {"steps": 5}, "devise": {"steps": 5}, "revise": {"steps": 5}, "jpose": {"steps": 5},
}  # fmt: skip
"""The same for methods: few steps."""

PROGRAMS_OF_A_SHELL = re.compile(r"[|<>;&`]|\$\(")


def lines_of(text: str) -> list[str]:
    """The commands of a shell block: continued lines joined, comments and prompts left out."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = [re.sub(r"(^|\s+)#\s.*$", "", line).strip().removeprefix("$ ") for line in joined.splitlines()]
    return [line for line in lines if line]


def elsewhere(line: str) -> str:
    """Where a line is run if not with its page; empty for most."""
    return next((place for pattern, place in ELSEWHERE.items() if re.match(pattern, line)), "")


def needs_shell(line: str) -> bool:
    """Whether a line has pipes, redirections or the like outside of quotes."""
    return PROGRAMS_OF_A_SHELL.search(re.sub(r"'[^']*'|\"[^\"$]*\"", "", line)) is not None


def quick(arguments: list[str]) -> list[str]:
    """The arguments of `skelzero` with those that make the command short."""
    if "--help" in arguments:
        return arguments
    command, added = arguments[0], list(SHORT.get(arguments[0], []))
    if command == "encode" and "kinematics" in arguments:
        return arguments  # it trains nothing, and refuses steps
    if command == "train":
        added += _assignments(arguments[1], "")
    if command == "compare" and "--methods" in arguments:
        for method in arguments[arguments.index("--methods") + 1].split(","):
            added += _assignments(method, f"{method}.")
    return [*arguments, *added]


def _assignments(method: str, prefix: str) -> list[str]:
    own = SETTINGS.get(method.split(":")[0], {})
    return [part for key, value in own.items() for part in ("--set", f"{prefix}{key}={value}")]
